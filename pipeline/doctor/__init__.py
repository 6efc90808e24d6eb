"""Whether this machine and its installation can run a pipeline."""
