"""Deltas: the rows that changed between two versions."""
