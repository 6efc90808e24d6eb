"""Serves this task of TF_CONFIG as a host: `python -m shardline.embedding.cluster`."""

import sys

from shardline.embedding.cluster import Cluster

if __name__ == "__main__":
    try:
        Cluster.from_tf_config().serve_host()
    except (RuntimeError, ValueError) as fault:
        sys.exit(str(fault))
