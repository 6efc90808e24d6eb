"""Serves as a host: what `python -m embedding.cluster` does, in a forked process.

Run by `runpy` with TF_CONFIG, and OUTPUT, the file for what it prints.
"""

import contextlib

from embedding.cluster import Cluster

with open(OUTPUT, "w") as output, contextlib.redirect_stdout(output):  # noqa: F821
    Cluster.from_tf_config(TF_CONFIG).serve_host()  # noqa: F821
