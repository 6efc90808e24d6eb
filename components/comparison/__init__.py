"""The component that compares a candidate with the model in service."""
