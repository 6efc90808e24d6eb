"""What became of a run in spans, written to the state that the next one begins with."""
