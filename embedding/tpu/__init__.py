"""The engine on TPUs."""
