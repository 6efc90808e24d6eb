"""The engine on CPU hosts."""
