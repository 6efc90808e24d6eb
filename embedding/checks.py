"""Assertions on values, which only a running step can check."""

import contextlib
from collections.abc import Iterator
from typing import TypeAlias

import tensorflow as tf

# What tf.debugging.Assert returns: None when it ran eagerly, and then it has passed.
Check: TypeAlias = tf.Operation | None


def are_same(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Returns whether two tensors of a type have the same shape and values."""
    equal = tf.raw_ops.Equal(x=one, y=other, incompatible_shape_error=False)
    # Shapes that broadcast are not refused by the op.
    return tf.equal(tf.size(one), tf.size(other)) & tf.reduce_all(equal)


@contextlib.contextmanager
def after(*checks: Check) -> Iterator[None]:
    """Orders the ops made inside behind the checks, in graphs and eagerly."""
    with tf.control_dependencies([check for check in checks if check is not None]):
        yield
