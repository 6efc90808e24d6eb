"""Holds back what native libraries print to stderr, unless something goes wrong.

TensorFlow's C++ writes notices to the stderr of the process before any setting can stop
it. They matter only if an error follows.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def stderr_held_back() -> Iterator[None]:
    """Lets nothing that is written to stderr inside reach the terminal.

    Raises:
        BaseException: what the block raises, with what was written as a note.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
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
            os.dup2(stderr, 2)
            os.close(stderr)
