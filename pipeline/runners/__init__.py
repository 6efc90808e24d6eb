"""How a pipeline runs on this machine: a process of its own, watched."""
