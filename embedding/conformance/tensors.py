"""Batches as `enqueue` takes them, and the types that a step is traced with."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding.conformance.cases import SIDES, Batch, Case


def ids_of(case: Case, batch: Batch) -> Any:
    """Returns the ids of a batch in the form of the case's kind."""
    return _tensor(case, batch.ids, batch.ids, tf.as_dtype(case.id_type))


def weights_of(case: Case, batch: Batch) -> Any:
    """Returns the weights of a batch in the same form, or None."""
    if batch.weights is None:
        return None
    return _tensor(case, batch.weights, batch.ids, tf.float32)


def gradient_of(case: Case, batch: Batch) -> tf.Tensor:
    """Returns the gradient in the shape of the activations."""
    return tf.constant(batch.gradient.reshape(*_places(case), -1))


def arguments_of(cases: Sequence[Case], step: int) -> tuple[Any, Any, Any, tf.Tensor]:
    """Returns what a step takes: ids, weights, gradients and its number.

    Args:
        cases: trained side by side.
        step: from 0.

    Returns:
        Three nests by case and side, and an int32 scalar.
    """
    ids, weights, gradients = (
        {
            case.name: {
                side: part(case, case.steps[step].batches[side]) for side in SIDES
            }
            for case in cases
        }
        for part in (ids_of, weights_of, gradient_of)
    )
    return ids, weights, gradients, tf.constant(step)


def spec_of(value: Any) -> Any:
    """Returns the type of ids or weights; how many there are is left open."""
    if value is None:
        return None
    if isinstance(value, tf.SparseTensor):
        return tf.SparseTensorSpec([*value.shape[:-1], None], value.dtype)
    if isinstance(value, tf.RaggedTensor):
        return tf.RaggedTensorSpec([value.shape[0], None], value.dtype, ragged_rank=1)
    return tf.TensorSpec(value.shape, value.dtype)


def _places(case: Case) -> tuple[int, ...]:
    """Returns the shape of the activations without dim."""
    if case.output_shape:
        return case.output_shape
    if case.kind.endswith("3"):
        return _folded(case)
    if case.max_sequence_length:
        return case.examples, case.max_sequence_length
    return (case.examples,)


def _folded(case: Case) -> tuple[int, int]:
    """Returns the examples along two axes, as inputs of rank 3 have them."""
    return 2, case.examples // 2


def _tensor(
    case: Case, rows: Sequence[Sequence[Any]], ids: Any, dtype: tf.DType
) -> Any:
    """Returns values of the examples, ids or weights, as a tensor."""
    if case.kind.startswith("dense"):
        flat = tf.constant([row[0] for row in rows], dtype)
        return flat if case.kind == "dense" else tf.reshape(flat, [*_folded(case), 1])
    if case.kind == "ragged":
        flat = tf.constant([value for row in rows for value in row], dtype)
        lengths = tf.constant([len(row) for row in rows], tf.int64)
        return tf.RaggedTensor.from_row_lengths(flat, lengths)
    leading = _folded(case) if case.kind == "sparse3" else (case.examples,)
    places = list(_places_of_ids(leading, ids))
    return tf.SparseTensor(
        np.array(places, np.int64).reshape(-1, len(leading) + 1),
        tf.constant([rows[at][k] for at, k in _filled(ids)], dtype),
        [*leading, max(map(len, ids)) + 1],
    )


def _filled(ids: Sequence[Sequence[int | None]]) -> Iterable[tuple[int, int]]:
    """Returns example and column of each id."""
    return (
        (example, column)
        for example, row in enumerate(ids)
        for column, value in enumerate(row)
        if value is not None
    )


def _places_of_ids(leading: tuple[int, ...], ids: Any) -> Iterable[tuple[int, ...]]:
    """Returns the index of each id in a SparseTensor."""
    return (
        (*map(int, np.unravel_index(example, leading)), column)
        for example, column in _filled(ids)
    )
