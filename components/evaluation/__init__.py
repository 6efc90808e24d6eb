"""How well scores predict labels: one set of numbers for whoever judges a model."""
