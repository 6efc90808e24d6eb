"""The kit that checks the engine on a user's own hosts, cluster or TPU."""
