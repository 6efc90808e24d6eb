"""Has Python not speak of variables that cannot be freed because their host is gone.

TensorFlow frees them in destructors, whose errors Python prints and drops. There is
nothing to free on a host that is gone, and no one to act on a screenful of it.
"""

import sys
from collections.abc import Callable
from typing import Any

import tensorflow as tf

_DESTRUCTOR = "EagerResourceDeleter.__del__"


def be_silent_about_lost_variables() -> None:
    """Changes what this process does about such errors; may be called again."""
    if not isinstance(sys.unraisablehook, _Hook):
        sys.unraisablehook = _Hook(sys.unraisablehook)


class _Hook:
    """Passes on all other errors to the hook that was there.

    Holds what it needs: when the process ends, the names of modules are gone before the
    last variables are.
    """

    def __init__(self, before: Callable[[Any], object]):
        self._before = before
        self._error = tf.errors.OpError
        self._destructor = _DESTRUCTOR

    def __call__(self, fault: Any) -> None:
        is_variable = getattr(fault.object, "__qualname__", "") == self._destructor
        if not (is_variable and isinstance(fault.exc_value, self._error)):
            self._before(fault)
