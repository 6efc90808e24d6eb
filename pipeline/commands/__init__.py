"""The `shardline` command, a module a command."""
