"""The component that computes the statistics of examples that come whole."""
