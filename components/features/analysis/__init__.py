"""One pass over the training examples, for the statistics that the graph needs."""
