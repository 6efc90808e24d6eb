"""Serves as a host: as `python -m shardline.embedding.cluster`, in a forked process.

Run by `runpy` with TF_CONFIG, OUTPUT, the file for what it prints, and ENVIRONMENT,
variables for this process alone. LARGEST_FILE among them, in bytes, has it write no
larger one: a disk that is full to this process.
"""

import contextlib
import os
import resource

from shardline.embedding.cluster import Cluster

os.environ |= ENVIRONMENT  # noqa: F821
if "LARGEST_FILE" in os.environ:
    most = int(os.environ["LARGEST_FILE"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
with open(OUTPUT, "w") as output, contextlib.redirect_stdout(output):  # noqa: F821
    Cluster.from_tf_config(TF_CONFIG).serve_host()  # noqa: F821
