"""Inputs of a batch: structure, ids, weights."""
