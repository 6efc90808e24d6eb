"""Ends training at a step whose loss or gradients are not finite, before any update.

What every step pays is a sum of squares of loss and gradients, which is finite if all
of them are. Only if it is not does the step look for what went wrong, and write it down
for `StepGuard.fault`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.not_finite import Fault
from shardline.embedding.inputs.assertions import Check

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


class StepGuard:
    """Refuses a step that is not finite, and can say why.

    A table whose policy leaves out gradients that are not finite goes on doing so: the
    loss and the dense model's gradients are checked all the same.
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
        # What a faulty step has written down: of each part whether it is not finite and
        # its largest finite value.
        self._parts: list[tuple[str, str]] = []
        self._is_faulty = _variable(tf.zeros([0], tf.bool))
        self._largest = _variable(tf.zeros([0]))
        self._example = _variable(tf.constant(-1, tf.int64))

    def check(self, step: StepValues) -> Check:
        """Returns what must pass before the step updates anything.

        Args:
            step: what it has computed.
        """
        parts = list(self._parts_of(step))
        weights = [(f"weights `{v.path}`", "weights") for v in self._weights]
        self._parts = [*weights, *((part.words, part.kind) for part in parts)]
        watched = [step.loss, *_given(step.dense), *self._watched(step.pooled)]
        squares = _sum_of_squares(watched)
        values = [part.values for part in parts]
        return _unless(
            tf.math.is_finite(squares), self._examine, watched, values, step.losses
        )

    def _examine(
        self, watched: list[tf.Tensor], parts: list[tf.Tensor], losses: tf.Tensor
    ) -> None:
        """Refuses the step, with notes, unless only squares have overflown."""
        parts = [*(variable.value for variable in self._weights), *parts]
        noted = [
            self._is_faulty.assign([~_is_finite(values) for values in parts]),
            self._largest.assign([_largest(values) for values in parts]),
            self._example.assign(_first(~tf.math.is_finite(losses))),
        ]
        with tf.control_dependencies(noted):
            finite = tf.reduce_all([_is_finite(values) for values in watched])
            tf.debugging.Assert(finite, ["The step is not finite."])

    def fault(self) -> Fault | None:
        """Returns what was wrong with the step that was refused; None: none was."""
        is_faulty = self._is_faulty.numpy()
        if not is_faulty.any():
            return None
        faulty = [
            part for part, is_so in zip(self._parts, is_faulty, strict=True) if is_so
        ]
        # One fault leads to the next: only those of the first kind are told.
        first = min((kind for _, kind in faulty), key=list(_REMEDIES).index)
        words = ", ".join(words for words, kind in faulty if kind == first)
        text = f"not finite: {words}"
        if first in _RESULTS:
            text += f"; all that went into the step is finite, {self._largest_inputs()}"
        example = int(self._example)
        return Fault(text, _REMEDIES[first], example if example >= 0 else None)

    def _largest_inputs(self) -> str:
        inputs = [
            (value, words)
            for value, (words, kind) in zip(
                self._largest.numpy(), self._parts, strict=True
            )
            if kind not in _RESULTS
        ]
        largest = sorted(inputs, reverse=True)[:_SHOWN_LARGEST]
        listed = ", ".join(f"{words}: {value:.3g}" for value, words in largest)
        return f"and the largest magnitudes are {listed}"

    def _watched(self, pooled: Mapping[str, tf.Tensor | None]) -> list[tf.Tensor]:
        return _given([g for name, g in pooled.items() if name not in self._tolerant])

    def _parts_of(self, step: StepValues) -> Iterator[_Part]:
        for name, values in sorted(step.batch.numbers.items()):
            yield _Part(f"number `{name}`", "data", values)
        yield _Part("the labels", "data", step.batch.labels)
        yield _Part("the example weights", "data", step.batch.example_weights)
        for name, values in sorted(step.activations.items()):
            yield _Part(f"rows of {self._feature(name)}", "rows", values)
        yield _Part("the loss", "loss", step.loss)
        for name, values in sorted(step.pooled.items()):
            for given in _given([values]):
                yield _Part(f"gradient of {self._feature(name)}", "gradients", given)
        for variable, values in zip(self._trainable, step.dense, strict=True):
            for given in _given([values]):
                yield _Part(f"gradient of `{variable.path}`", "gradients", given)

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


def _given(gradients: list[tf.Tensor | None]) -> list[tf.Tensor]:
    """Returns the values of the gradients that there are."""
    return [
        gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
        for gradient in gradients
        if gradient is not None
    ]


def _is_finite(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_all(tf.math.is_finite(values))


def _largest(values: tf.Tensor) -> tf.Tensor:
    """Returns the largest magnitude of the values that are finite."""
    values = tf.abs(tf.cast(values, tf.float32))
    return tf.reduce_max(tf.where(tf.math.is_finite(values), values, 0.0))


def _first(are: tf.Tensor) -> tf.Tensor:
    """Returns the position of the first that is true, or -1: int64."""
    first = tf.argmax(tf.cast(are, tf.int32))
    return tf.where(tf.reduce_any(are), first, tf.constant(-1, tf.int64))
