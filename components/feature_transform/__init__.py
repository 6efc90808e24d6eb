"""The component that analyses and transforms the examples of a run."""
