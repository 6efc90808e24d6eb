"""Where a training runs: on this machine's hosts, on a cluster, or on a TPU."""
