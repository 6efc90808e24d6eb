"""Checkpoints of tables: what one holds, and where it stores it."""
