"""Assertions on values, which only a running step can check."""

import contextlib
from collections.abc import Iterator
from typing import TypeAlias

import tensorflow as tf

# What tf.debugging.Assert returns: None when it ran eagerly, and then it has passed.
Check: TypeAlias = tf.Operation | None


@contextlib.contextmanager
def after(*checks: Check) -> Iterator[None]:
    """Orders the ops made inside behind the checks, in graphs and eagerly."""
    with tf.control_dependencies([check for check in checks if check is not None]):
        yield
