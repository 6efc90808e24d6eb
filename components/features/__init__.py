"""The feature step: two Beam jobs, and the transform graph made between them."""
