"""Checkpoint sets: the shards of all hosts at one step, and the manifest of them."""
