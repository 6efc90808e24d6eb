"""A core's batch as the three lists of tensors that the enqueue op takes.

One op takes dense, sparse and ragged ids side by side. What an input does not have is
an empty tensor: sample indices of dense ids, weights of 1.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from shardline.embedding.config.specs import FeatureSpec


class OpInputs(NamedTuple):
    """Lists over the features, in flattened order.

    Attributes:
        sample_indices_or_row_splits: int32 [n, rank] indices of a sparse input,
            [rows + 1] row splits of a ragged one, [0] for a dense one.
        ids: int64 [n].
        weights: float32 [n], or [0] for weights of 1.
    """

    sample_indices_or_row_splits: list[tf.Tensor]
    ids: list[tf.Tensor]
    weights: list[tf.Tensor]


def op_inputs(
    features: Sequence[FeatureSpec], inputs: Sequence[Any], weights: Sequence[Any]
) -> OpInputs:
    """Returns the op's inputs for one core.

    Args:
        features: every feature.
        inputs: ids of each, a Tensor, SparseTensor or RaggedTensor.
        weights: None, or weights of each, of the kind of its ids.
    """
    no_rows = tf.zeros([0], tf.int32)
    no_weights = tf.zeros([0], tf.float32)
    lists = OpInputs([], [], [])
    for feature, ids, weight in zip(features, inputs, weights, strict=True):
        rows = no_rows
        if isinstance(ids, tf.SparseTensor):
            rows = _sample_indices(feature, ids)
        elif isinstance(ids, tf.RaggedTensor):
            rows = tf.cast(ids.row_splits, tf.int32)
        lists.sample_indices_or_row_splits.append(rows)
        lists.ids.append(tf.cast(_values(ids), tf.int64))
        lists.weights.append(
            no_weights if weight is None else tf.cast(weight.values, tf.float32)
        )
    return lists


def check_parts(values: Sequence[Any]) -> None:
    """Checks that the cores of a replica can share its ids.

    Raises:
        ValueError: if some are ragged.
    """
    if any(isinstance(value, tf.RaggedTensor) for value in values):
        raise ValueError(
            "SPMD does not support raggedTensor yet. Pass a SparseTensor, or use a "
            "strategy with one core in each replica."
        )


def part_of(value: Any, part: int, parts: int) -> Any:
    """Returns one core's examples of a replica's ids or weights, not ragged ones."""
    if value is None:
        return None
    if isinstance(value, tf.SparseTensor):
        return tf.sparse.split(value, parts, axis=0)[part]
    return tf.split(value, parts, axis=0)[part]


def mode_of(training: Any) -> Any:
    """Returns the op's mode of a bool, Python's or a scalar tensor."""
    if tf.is_tensor(training):
        return selected_mode(training)
    return "train" if training else "inference"


def selected_mode(training: Any) -> tf.Tensor:
    """Returns the op's mode as a choice that stands in the graph."""
    return tf.where(training, tf.constant("train"), tf.constant("inference"))


def _values(ids: Any) -> tf.Tensor:
    if isinstance(ids, (tf.SparseTensor, tf.RaggedTensor)):
        return ids.values
    return tf.reshape(ids, [-1])


def _sample_indices(feature: FeatureSpec, ids: tf.SparseTensor) -> tf.Tensor:
    indices = tf.cast(ids.indices, tf.int32)
    if feature.is_sequence and ids.shape.rank == 2:
        # [example, position] becomes [example, position, 0].
        return tf.pad(indices, [[0, 0], [0, 1]])
    return indices
