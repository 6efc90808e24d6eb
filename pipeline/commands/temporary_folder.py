"""A temporary folder for the time of a command, whatever libraries leave in it.

Beam and TensorFlow Transform leave folders in the temporary folder.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shardline.components.folders.scratch import scratch_folder


@contextlib.contextmanager
def temporary_folder_removed() -> Iterator[None]:
    """Lets libraries and processes started inside write to a new temporary folder.

    It is removed at the end, also after an error or an interruption; after a kill, by
    the next command that has one.
    """
    environment, python = os.environ.get("TMPDIR"), tempfile.tempdir
    with scratch_folder(Path(tempfile.gettempdir())) as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = python
            if environment is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = environment
