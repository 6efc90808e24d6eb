"""Side files: their rows joined to examples by a key, on the left."""
