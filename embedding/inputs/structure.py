"""What a batch of inputs may be: structure, kinds, types and ranks, before any op.

The messages keep the wording of TensorFlow's class, which users search for.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.embedding.config.shapes import check_rank
from shardline.embedding.config.specs import FeatureSpec
from shardline.embedding.inputs.row_splits import splits_message


def flatten_like(feature_config: Any, structure: Any) -> list[Any]:
    """Returns the leaves of a nest in the order of the features.

    Raises:
        ValueError: if the structures do not match.
        TypeError: if the nests are of different types.
    """
    tf.nest.assert_same_structure(feature_config, structure)
    leaves: list[Any] = tf.nest.flatten(structure)
    return leaves


def of_replica(values: Sequence[Any], replica: int) -> list[Any]:
    """Returns one replica's share of values that may be distributed.

    A value that is not goes to every replica as it is.
    """
    return [
        value.values[replica]
        if isinstance(value, tf.distribute.DistributedValues)
        else value
        for value in values
    ]


def replica_count(values: Sequence[Any]) -> int:
    """Returns for how many replicas there are values; 1 if none is distributed."""
    return max(
        len(value.values) if isinstance(value, tf.distribute.DistributedValues) else 1
        for value in values
    )


def as_input(ids: Any) -> Any:
    """Returns arrays and variables as tensors, other inputs as they are."""
    if isinstance(ids, (np.ndarray, tf.Variable)):
        return tf.convert_to_tensor(ids)
    return ids


def check_inputs(
    features: Sequence[FeatureSpec],
    ids: Sequence[Any],
    weights: Sequence[Any],
    *,
    mismatch: str = "type {} which does not match type input which is {}",
) -> None:
    """Checks one replica's batch as far as its static types and shapes tell.

    Args:
        features: the flattened feature_config.
        ids: the ids of each feature, int32 or int64: a Tensor [batch], or [..., 1]; a
            SparseTensor [batch, ..., n]; a RaggedTensor [batch, None].
        weights: of each feature, None or floats of the kind and shape of the ids (not
            for dense ids and not for sequences).
        mismatch: words for weights and ids of different kinds; the two kinds go in.

    Raises:
        ValueError: naming the feature that does not fit.
    """
    for feature, feature_ids, feature_weights in zip(
        features, ids, weights, strict=True
    ):
        _check_ids(feature, feature_ids)
        if feature_weights is not None:
            _check_weights(feature, feature_ids, feature_weights, mismatch)


def is_dense(ids: Any) -> bool:
    """Tells whether every position holds exactly one id."""
    return not isinstance(ids, (tf.SparseTensor, tf.RaggedTensor))


def _check_ids(feature: FeatureSpec, ids: Any) -> None:
    path = feature.path
    if not isinstance(ids, (tf.Tensor, tf.SparseTensor, tf.RaggedTensor)):
        raise ValueError(
            f"Input '{path}' is of unknown type {type(ids)}. Tensor, SparseTensor or "
            "RaggedTensor expected."
        )
    if ids.dtype not in (tf.int32, tf.int64):
        raise ValueError(
            f"Feature '{path}': ids must be int32 or int64, got {ids.dtype.name}. "
            "Turn tokens into ids in the preprocessing."
        )
    if isinstance(ids, tf.RaggedTensor) and ids.row_splits.shape[0] == 0:
        # It has no shape to be checked.
        raise ValueError(
            f"{splits_message(path)} got none at all. A batch without examples has "
            "the row_splits [0]."
        )
    _check_rank(path, ids)
    if is_dense(ids) and feature.is_sequence:
        raise ValueError(
            f"Feature '{path}' is a sequence feature but a dense tensor was passed. "
            "Pass a SparseTensor or RaggedTensor, or set max_sequence_length=0."
        )


def _check_rank(path: str, ids: Any) -> None:
    shape = ids.shape
    check_rank(path, shape)
    if isinstance(ids, tf.RaggedTensor):
        if shape.rank != 2:
            raise ValueError(
                f"Only rank 2 ragged tensor is supported; input '{path}' has rank "
                f"{shape.rank}. output_shape gives deeper outputs."
            )
    elif isinstance(ids, tf.SparseTensor):
        if shape.rank < 2:
            raise ValueError(
                "Only rank 2 and above sparse tensor is supported; input "
                f"'{path}' has rank {shape.rank}. Give it a leading axis of examples."
            )
    elif shape.rank > 1 and shape[-1] != 1:
        raise ValueError(
            "Rank 2 or above dense tensor should have last dimension as 1; input "
            f"'{path}' has shape {shape}. Pass several ids an example as a "
            "SparseTensor or RaggedTensor."
        )


def _check_weights(feature: FeatureSpec, ids: Any, weights: Any, mismatch: str) -> None:
    path = feature.path
    if is_dense(ids):
        raise ValueError(
            f"Weight specified for dense input '{path}', but input is dense. "
            "Weights go with sparse or ragged ids."
        )
    if type(weights) is not type(ids):
        raise ValueError(
            f"Weight for '{path}' is "
            f"{mismatch.format(type(weights).__name__, type(ids).__name__)}. "
            "Give weights of the kind of the ids."
        )
    if not weights.dtype.is_floating:
        raise ValueError(
            f"Weight for '{path}' is {weights.dtype.name}; weights must be floats. "
            "Cast them to float32."
        )
    if feature.is_sequence:
        raise ValueError(
            f"Weight specified for '{path}', but this is a sequence feature. "
            "Leave its weights at None."
        )
