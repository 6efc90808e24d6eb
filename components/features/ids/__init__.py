"""Tokens and ids, twice: as tensors of the transform graph, as Arrow beside it."""
