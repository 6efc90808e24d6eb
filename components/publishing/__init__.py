"""Published versions of a model: full ones, deltas, and what keeps them whole."""
