"""Assertions on values, which only a running step can check."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

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


def asserted(claim: tf.Tensor, found: Callable[[], list[Any]]) -> Check:
    """Asserts a claim; what was found is only computed if it is false.

    Args:
        claim: bool, a scalar.
        found: makes the parts of the message.
    """

    def refuse() -> tf.Tensor:
        with after(tf.debugging.Assert(False, found())):
            return tf.constant(False)

    passed = tf.cond(claim, lambda: tf.constant(True), refuse)
    return None if tf.executing_eagerly() else passed.op
