"""Tells which step of a TPU was not finite, where no step can be refused.

The program of a TPU runs to its end, and an assertion in it is left out. So each
replica takes notes of its first step that is not finite; whoever called the program
reads them afterwards, and keeps nothing of that call.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from shardline.components.trainer.watch import (
    Notes,
    StepValues,
    Watch,
    first_of,
    is_finite,
    largest_of,
)

_NO_STEP = -1


class ReplicaGuard(Watch):
    """Notes, on every replica, its first step that is not finite."""

    def __init__(
        self,
        model: keras.Model,
        tables: Mapping[str, str],
        strategy: tf.distribute.Strategy,
        numbers: int,
    ):
        """Makes the variables that hold the notes.

        Args:
            model: the dense model, built.
            tables: the table of each feature.
            strategy: whose replicas learn.
            numbers: how many numbers a batch has.
        """
        super().__init__(model, tables)
        self._strategy = strategy
        self._examples = 0
        # Labels, example weights and the loss; of each feature rows and a gradient.
        most = len(self._weights) + numbers + 3 + 2 * len(tables) + len(self._trainable)
        with strategy.scope():
            self._step = _own_variable(tf.constant(_NO_STEP, tf.int64))
            self._is_faulty = _own_variable(tf.zeros([most], tf.bool))
            self._largest = _own_variable(tf.zeros([most]))
            self._example = _own_variable(tf.constant(-1, tf.int64))

    def note(self, values: StepValues, step: tf.Tensor) -> None:
        """Takes notes, in a replica's program, if this is its first such step.

        Args:
            values: what the replica has computed.
            step: int64 scalar, how many steps were before this one.
        """
        self._examples = int(values.losses.shape[0])
        others = self._named(values)
        parts = [*(variable.value for variable in self._weights), *others]
        watched = self._watched(values)
        is_fault = ~tf.reduce_all([is_finite(each) for each in watched])
        is_first = is_fault & tf.equal(self._step.read_value(), _NO_STEP)
        padding = [[0, self._largest.shape[0] - len(parts)]]
        for variable, noted in (
            (self._step, step),
            (self._is_faulty, tf.pad([~is_finite(part) for part in parts], padding)),
            (self._largest, tf.pad([largest_of(part) for part in parts], padding)),
            (self._example, first_of(~tf.math.is_finite(values.losses))),
        ):
            variable.assign(tf.where(is_first, noted, variable.read_value()))

    def first_step(self) -> int | None:
        """Returns how many steps were before the first that is not finite, if any."""
        steps = self._on_replicas(self._step)
        noted = steps[steps != _NO_STEP]
        return int(noted.min()) if len(noted) else None

    def _notes(self) -> Notes:
        steps = self._on_replicas(self._step)
        replica = int(np.argmax(steps == self.first_step()))
        example = int(self._on_replicas(self._example)[replica])
        return Notes(
            self._on_replicas(self._is_faulty)[replica][: len(self._parts)],
            self._on_replicas(self._largest)[replica][: len(self._parts)],
            example + replica * self._examples if example >= 0 else example,
        )

    def _on_replicas(self, variable: tf.Variable) -> Any:
        of_replicas = self._strategy.experimental_local_results(variable)
        return np.stack([one.numpy() for one in of_replicas])


def _own_variable(value: tf.Tensor) -> tf.Variable:
    """Returns a variable that each replica has a value of its own of."""
    return tf.Variable(
        value,
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.NONE,
    )
