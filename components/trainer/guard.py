"""Ends training at a step whose loss or gradients are not finite, before any update.

What every step pays is a sum of squares of loss and gradients, which is finite if all
of them are. Only if it is not does the step look for what went wrong, and write it down
for `StepGuard.fault`.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import keras
import tensorflow as tf

from shardline.components.trainer.watch import (
    Notes,
    StepValues,
    Watch,
    first_of,
    is_finite,
    largest_of,
)
from shardline.embedding.inputs.assertions import Check


class StepGuard(Watch):
    """Refuses a step that is not finite, and can say why."""

    def __init__(
        self,
        model: keras.Model,
        tables: Mapping[str, str],
        tolerant: Collection[str] = (),
    ):
        """Sets what is watched.

        Args:
            model: the dense model, built.
            tables: the table of each feature.
            tolerant: features of tables that leave out gradients that are not finite.
        """
        super().__init__(model, tables, tolerant)
        self._is_faulty = _variable(tf.zeros([0], tf.bool))
        self._largest = _variable(tf.zeros([0]))
        self._example = _variable(tf.constant(-1, tf.int64))

    def check(self, step: StepValues) -> Check:
        """Returns what must pass before the step updates anything.

        Args:
            step: what it has computed.
        """
        values, watched = self._named(step), self._watched(step)
        squares = _sum_of_squares(watched)
        return _unless(
            tf.math.is_finite(squares), self._examine, watched, values, step.losses
        )

    def _examine(
        self, watched: list[tf.Tensor], parts: list[tf.Tensor], losses: tf.Tensor
    ) -> None:
        """Refuses the step, with notes, unless only squares have overflown."""
        parts = [*(variable.value for variable in self._weights), *parts]
        noted = [
            self._is_faulty.assign([~is_finite(values) for values in parts]),
            self._largest.assign([largest_of(values) for values in parts]),
            self._example.assign(first_of(~tf.math.is_finite(losses))),
        ]
        with tf.control_dependencies(noted):
            finite = tf.reduce_all([is_finite(values) for values in watched])
            tf.debugging.Assert(finite, ["The step is not finite."])

    def _notes(self) -> Notes:
        return Notes(self._is_faulty.numpy(), self._largest.numpy(), int(self._example))


def _unless(claim: tf.Tensor, run: Callable[..., None], *arguments: Any) -> Check:
    """Runs a function unless a claim is true.

    `tf.cond` would take a step as much time as it has operations: TensorFlow passes
    each of them by. This is one operation.
    """
    specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, arguments)
    refuse = tf.function(run).get_concrete_function(*specs)
    inputs = [*tf.nest.flatten(arguments), *refuse.captured_inputs]

    @tf.function
    def passes(*inputs: tf.Tensor) -> None:
        pass

    return tf.raw_ops.If(
        cond=claim,
        input=inputs,
        Tout=[],
        then_branch=passes.get_concrete_function(
            *(tf.TensorSpec(each.shape, each.dtype) for each in inputs)
        ),
        else_branch=refuse,
        output_shapes=[],
    )


def _sum_of_squares(tensors: list[tf.Tensor]) -> tf.Tensor:
    """Returns what is finite only if all tensors are.

    Those of one shape are added up first: that is fewer operations.
    """
    by_shape: dict[Any, list[tf.Tensor]] = {}
    for tensor in tensors:
        shape = tensor.shape
        key = tuple(shape) if shape.is_fully_defined() else tensor.ref()
        by_shape.setdefault(key, []).append(tf.cast(tensor, tf.float32))
    sums = [tf.add_n(same) for same in by_shape.values()]
    return tf.add_n([tf.nn.l2_loss(each) for each in sums])


def _variable(value: tf.Tensor) -> tf.Variable:
    return tf.Variable(value, trainable=False, shape=tf.TensorShape(None))
