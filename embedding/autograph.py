"""Functions that TensorFlow traces as they are written."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import tensorflow as tf

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def not_converted(
    function: Callable[_Arguments, _Result],
) -> Callable[_Arguments, _Result]:
    """Keeps AutoGraph out of a function whose branches are about configuration.

    Errors then show the lines that were written.
    """
    converted: Any = tf.autograph.experimental.do_not_convert(function)
    return cast(Callable[_Arguments, _Result], converted)
