"""What the feature step reads: sources, spans of files, batches kept for later."""
