"""The component that reads the spans of a plan, each one once."""
