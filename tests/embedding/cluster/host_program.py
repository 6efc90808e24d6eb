"""Serves as a host: as `python -m shardline.embedding.cluster`, in a forked process.

Run by `runpy` with TF_CONFIG, and OUTPUT, the file for what it prints.
"""

import contextlib

from shardline.embedding.cluster import Cluster

with open(OUTPUT, "w") as output, contextlib.redirect_stdout(output):  # noqa: F821
    Cluster.from_tf_config(TF_CONFIG).serve_host()  # noqa: F821
