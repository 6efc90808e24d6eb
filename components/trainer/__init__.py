"""The component that trains on the embedding engine."""
