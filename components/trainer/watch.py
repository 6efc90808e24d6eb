"""What a step has computed, which of it must be finite, and how to tell what is not.

One fault leads to the next, so people are told of the first kind only: data before
weights, weights before the loss, the loss before gradients.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.not_finite import Fault

_SHOWN_LARGEST = 3


class StepValues(NamedTuple):
    """What a step has computed, before it updates anything.

    Attributes:
        batch: the batch.
        activations: by feature.
        losses: of each example, float32 [batch].
        loss: float32 scalar.
        dense: the gradients of the dense model's trainable variables; None: no
            gradient.
        pooled: the gradients of the activations, by feature.
    """

    batch: Batch
    activations: Mapping[str, Any]
    losses: tf.Tensor
    loss: tf.Tensor
    dense: list[tf.Tensor | None]
    pooled: Mapping[str, tf.Tensor | None]


class Notes(NamedTuple):
    """What a step that is not finite has written down.

    Attributes:
        is_faulty: of each part whether it is not finite: bool [parts].
        largest: of each part its largest finite magnitude: float32 [parts].
        example: the first example of the batch with a loss that is not finite, or -1.
    """

    is_faulty: np.ndarray
    largest: np.ndarray
    example: int


class _Part(NamedTuple):
    """A part of a step that may be at fault.

    Attributes:
        words: what it is.
        kind: a key of `_REMEDIES`.
        values: its values.
    """

    words: str
    kind: str
    values: tf.Tensor


class Watch:
    """Knows the parts of a step, and puts notes about them into words.

    A table whose policy leaves out gradients that are not finite goes on doing so: the
    loss and the dense model's gradients are watched all the same.
    """

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
        self._trainable = model.trainable_variables
        self._weights = [v for v in model.variables if v.value.dtype.is_floating]
        self._tables = dict(tables)
        self._tolerant = frozenset(tolerant)
        self._parts: list[tuple[str, str]] = []

    def fault(self) -> Fault | None:
        """Returns what was wrong with the step that was not finite; None: all were."""
        notes = self._notes()
        if not notes.is_faulty.any():
            return None
        parts = list(zip(self._parts, notes.is_faulty, notes.largest, strict=True))
        faulty = [part for part, is_so, _ in parts if is_so]
        # One fault leads to the next: only those of the first kind are told.
        first = min((kind for _, kind in faulty), key=list(_REMEDIES).index)
        words = ", ".join(words for words, kind in faulty if kind == first)
        text = f"not finite: {words}"
        if first in _RESULTS:
            inputs = [
                (largest, words)
                for (words, kind), _, largest in parts
                if kind not in _RESULTS
            ]
            largest = sorted(inputs, reverse=True)[:_SHOWN_LARGEST]
            listed = ", ".join(f"{words}: {value:.3g}" for value, words in largest)
            text += (
                "; all that went into the step is finite, and the largest magnitudes "
                f"are {listed}"
            )
        example = notes.example if notes.example >= 0 else None
        return Fault(text, _REMEDIES[first], example)

    def _notes(self) -> Notes:
        """Returns what was written down; nothing faulty, if all steps were finite."""
        raise NotImplementedError

    def _named(self, step: StepValues) -> list[tf.Tensor]:
        """Names the parts of a step, weights first; returns the values of the rest."""
        parts = list(self._parts_of(step))
        weights = [(f"weights `{v.path}`", "weights") for v in self._weights]
        self._parts = [*weights, *((part.words, part.kind) for part in parts)]
        return [part.values for part in parts]

    def _watched(self, step: StepValues) -> list[tf.Tensor]:
        """Returns what must be finite."""
        pooled = [g for name, g in step.pooled.items() if name not in self._tolerant]
        return [step.loss, *given(step.dense), *given(pooled)]

    def _parts_of(self, step: StepValues) -> Iterator[_Part]:
        for name, values in sorted(step.batch.numbers.items()):
            yield _Part(f"number `{name}`", "data", values)
        yield _Part("the labels", "data", step.batch.labels)
        yield _Part("the example weights", "data", step.batch.example_weights)
        for name, values in sorted(step.activations.items()):
            yield _Part(f"rows of {self._feature(name)}", "rows", values)
        yield _Part("the loss", "loss", step.loss)
        for name, values in sorted(step.pooled.items()):
            for one in given([values]):
                yield _Part(f"gradient of {self._feature(name)}", "gradients", one)
        for variable, values in zip(self._trainable, step.dense, strict=True):
            for one in given([values]):
                yield _Part(f"gradient of `{variable.path}`", "gradients", one)

    def _feature(self, name: str) -> str:
        table = self._tables.get(name)
        return f"feature `{name}` (table `{table}`)" if table else f"feature `{name}`"


_SCALE = (
    "Lower training.learning_rate and the learning rates of the tables, or look for "
    "numbers in the data that are too large."
)
# What to do about each kind of part; in the order in which one leads to the next.
_REMEDIES = {
    "data": "Correct the data, or what derives it.",
    "rows": f"An earlier update made them so. {_SCALE}",
    "weights": f"An earlier update made them so. {_SCALE}",
    "loss": _SCALE,
    "gradients": f"Look for roots or divisions by 0 in the model. {_SCALE}",
}
_RESULTS = ("loss", "gradients")


def given(gradients: list[tf.Tensor | None]) -> list[tf.Tensor]:
    """Returns the values of the gradients that there are."""
    return [
        gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
        for gradient in gradients
        if gradient is not None
    ]


def is_finite(values: tf.Tensor) -> tf.Tensor:
    """Returns whether all values are finite."""
    return tf.reduce_all(tf.math.is_finite(values))


def largest_of(values: tf.Tensor) -> tf.Tensor:
    """Returns the largest magnitude of the values that are finite."""
    values = tf.abs(tf.cast(values, tf.float32))
    return tf.reduce_max(tf.where(tf.math.is_finite(values), values, 0.0))


def first_of(are: tf.Tensor) -> tf.Tensor:
    """Returns the position of the first that is true, or -1: int64."""
    first = tf.argmax(tf.cast(are, tf.int32))
    return tf.where(tf.reduce_any(are), first, tf.constant(-1, tf.int64))
