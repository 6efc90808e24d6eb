"""Runs that start by themselves on this machine, by `schedule` of a configuration."""
