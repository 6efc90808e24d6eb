"""The transform graph: made, written, loaded and applied."""
