"""Lookups in served models, of stock TensorFlow ops."""
