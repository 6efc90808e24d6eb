"""`shardline erase`: ids leave everything that a run folder holds."""
