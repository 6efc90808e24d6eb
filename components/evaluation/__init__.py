"""Metrics of a model, computed in one place for all who judge it."""
