"""The component that computes the statistics of each span once."""
