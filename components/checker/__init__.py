"""`shardline check`: a configuration against a sample of its data, in seconds.

Faults that the file itself shows come first, from `configs.load_job`, before anything
slow is imported. `checking` does the rest.
"""
