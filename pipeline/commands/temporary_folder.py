"""A temporary folder for the time of a command, whatever libraries leave in it.

Beam and TensorFlow Transform leave folders in the temporary folder.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def temporary_folder_removed() -> Iterator[None]:
    """Lets libraries and processes started inside write to a new temporary folder.

    It is removed at the end, also after an error or an interruption.
    """
    environment, python = os.environ.get("TMPDIR"), tempfile.tempdir
    # Threads that an interruption has left may still write to it.
    with tempfile.TemporaryDirectory(
        prefix="shardline-", ignore_cleanup_errors=True
    ) as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = python
            if environment is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = environment
