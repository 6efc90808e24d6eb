"""Publishing: versions, their history and retention, deltas, and the agent."""
