"""One room for each step of a run, and the contracts between them."""
