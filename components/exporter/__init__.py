"""The component that turns a checkpoint into a checked CPU-lookup SavedModel."""
