"""The values of a column as Arrow arrays of the type that is asked for."""
