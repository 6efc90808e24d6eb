"""Holding back what native libraries print.

TensorFlow's C++ writes start-up notices to the process's stderr before any setting can
stop it. They matter only when something goes wrong.
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
