"""The digest of the code that a job runs in workers.

The version of a checkout does not tell its commit, and workers with older code may
write other ids without any sum's differing.
"""

from shardline.components.execution.code_version import code_version

# Of `shardline preprocess`.
PREPROCESSING = "shardline.components.features.standalone"


def job_code(jobs: str = PREPROCESSING) -> str:
    """Returns the digest, also of the versions of libraries: 16 hexadecimal digits.

    Args:
        jobs: the module that makes the jobs.
    """
    return code_version(jobs)
