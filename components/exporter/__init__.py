"""The component that turns a checkpoint into a CPU-lookup SavedModel."""
