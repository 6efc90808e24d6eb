"""Holding back what libraries print, and removing what they leave behind.

TensorFlow's C++ writes start-up notices to the process's stderr before any setting can
stop it. They matter only when something goes wrong. Beam and TensorFlow Transform leave
folders in the temporary folder.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def stderr_held_back() -> Iterator[None]:
    """Keeps stderr silent inside.

    Raises:
        BaseException: whatever the block raises, with what was printed as a note.
    """
    sys.stderr.flush()
    real = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException as error:
            sys.stderr.flush()
            held.seek(0)
            error.add_note(held.read().decode(errors="replace"))
            raise
        finally:
            sys.stderr.flush()
            os.dup2(real, 2)
            os.close(real)


@contextlib.contextmanager
def temporary_files_removed() -> Iterator[None]:
    """Gives libraries, and processes started inside, a temporary folder of their own.

    It is removed in the end, also after an error or an interruption.
    """
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    # Threads that an interruption has left may still write to it.
    with tempfile.TemporaryDirectory(
        prefix="shardline-", ignore_cleanup_errors=True
    ) as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before[1]
            if before[0] is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before[0]
