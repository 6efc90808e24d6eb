"""The command line `shardline`: each command has a module of its name."""
