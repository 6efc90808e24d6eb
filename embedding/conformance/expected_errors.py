"""Errors that are wanted: what TensorFlow logs of them says nothing to anybody."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def logged_errors_left_out() -> Iterator[None]:
    """Lets nothing reach stderr while a step fails that is to fail.

    TensorFlow's C++ logs a line for each op that the error finds waiting, and no
    setting stops that once it has been imported.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
