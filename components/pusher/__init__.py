"""The component that publishes a blessed model."""
