"""Container images: one that runs the steps of a pipeline, and one that serves."""
