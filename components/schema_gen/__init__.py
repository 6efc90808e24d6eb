"""The component that writes the schema which a reader's columns promise."""
