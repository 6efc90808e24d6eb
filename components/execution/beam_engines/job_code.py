"""The digest of the code that a job of preprocessing runs in workers.

The version of a checkout does not tell its commit, and workers with older code may
write other ids without any sum's differing.
"""

from shardline.components.execution.code_version import code_version

_JOBS = "shardline.components.features.standalone"


def job_code() -> str:
    """Returns the digest, also of the versions of libraries: 16 hexadecimal digits."""
    return code_version(_JOBS)
