"""Checkpoints of tables: how they are written, what they must hold, where rows lie."""
