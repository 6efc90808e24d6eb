"""Feature inputs of every kind as one form: which id adds to which row, how much.

Dense, sparse and ragged ids, weights, combiners and sequences all become a `Lookup`:
a list of occurrences (id, row of the activations, coefficient). An activation is then
sum(coefficient * table[id]) over its occurrences, and the gradient of an id is
sum(coefficient * gradient[row]): lookup and update read the same list. A row without
occurrences is zero. Training and serving share this module, so they cannot disagree.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from embedding.checks import Check, after
from embedding.specs import FeatureSpec


class Lookup(NamedTuple):
    """The occurrences of one feature, or of all features of a table.

    Attributes:
        ids: int64 [n], the ids in feature order.
        rows: int64 [n], the row of the activations each id adds to; not decreasing.
        coefficients: float32 [n], what each id's table row is multiplied by.
    """

    ids: tf.Tensor
    rows: tf.Tensor
    coefficients: tf.Tensor


def flatten_inputs(
    features: Sequence[FeatureSpec], feature_config: Any, ids: Any, weights: Any
) -> tuple[list[Any], list[Any]]:
    """Returns a batch's ids and weights in the order of the features, checked.

    Args:
        features: the flattened feature_config.
        feature_config: the nest of FeatureConfig.
        ids: nest of the same structure; each int32 or int64, a Tensor or numpy array
            [batch] or [batch, 1], a SparseTensor [batch, n] or a RaggedTensor
            [batch, None].
        weights: None, or a nest of the same structure: None, or floats of the kind and
            shape of the feature's ids (not for dense ids and not for sequences).

    Raises:
        ValueError: if structures, kinds, shapes or types do not fit.
        TypeError: if the nests are of different types.
    """
    tf.nest.assert_same_structure(feature_config, ids)
    flat_ids = [_as_input(feature_ids) for feature_ids in tf.nest.flatten(ids)]
    flat_weights = [None] * len(flat_ids)
    if weights is not None:
        tf.nest.assert_same_structure(feature_config, weights)
        flat_weights = tf.nest.flatten(weights)
    for inputs in zip(features, flat_ids, flat_weights, strict=True):
        _check_input(*inputs)
    return flat_ids, flat_weights


def lookup_of(feature: FeatureSpec, ids: Any, weights: Any) -> Lookup:
    """Returns the occurrences of one feature's batch, from `flatten_inputs`."""
    values = _checked_ids(feature, ids)
    if not isinstance(ids, (tf.SparseTensor, tf.RaggedTensor)):
        rows = tf.range(tf.size(values, tf.int64))
        return Lookup(values, rows, tf.ones_like(values, tf.float32))
    examples, positions = _examples_and_positions(feature.path, ids)
    if feature.is_sequence:
        return _sequence(values, examples, positions, feature.config)
    if weights is None:
        given = tf.ones_like(values, tf.float32)
    else:
        with after(_same_entries(feature.path, ids, weights)):
            # Of its own: a cast to the same type is none, and not ordered.
            given = tf.identity(tf.cast(weights.values, tf.float32))
    combiner = feature.config.table.combiner
    return Lookup(values, examples, _coefficients(combiner, examples, given))


def _checked_ids(feature: FeatureSpec, ids: Any) -> tf.Tensor:
    """Returns the ids as int64 [n], once all of them are known to be in range."""
    if isinstance(ids, (tf.SparseTensor, tf.RaggedTensor)):
        ids = ids.values
    values = tf.reshape(tf.cast(ids, tf.int64), [-1])
    table = feature.config.table
    in_range = tf.debugging.Assert(
        tf.reduce_all((values >= 0) & (values < table.vocabulary_size)),
        [
            f"Feature '{feature.path}': ids of table '{feature.table_name}' must lie "
            f"in [0, {table.vocabulary_size}), got ids from",
            tf.reduce_min(values),
            "to",
            tf.reduce_max(values),
        ],
    )
    with after(in_range):
        return tf.identity(values)


def _examples_and_positions(path: str, ids: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns each id's example and its position there: int64 [n] each."""
    if isinstance(ids, tf.SparseTensor):
        examples = ids.indices[:, 0]
        in_order = tf.debugging.Assert(
            tf.reduce_all(examples[1:] >= examples[:-1])
            & tf.reduce_all(examples[-1:] < ids.dense_shape[0]),
            [
                f"Feature '{path}': a SparseTensor's indices must be in row order and "
                "inside its dense_shape; tf.sparse.reorder puts them in order.",
                ids.indices,
            ],
        )
        with after(in_order):
            return tf.identity(examples), ids.indices[:, 1]
    examples = tf.cast(ids.value_rowids(), tf.int64)
    starts = tf.gather(tf.cast(ids.row_starts(), tf.int64), examples)
    return examples, tf.range(tf.size(examples, tf.int64)) - starts


def _as_input(ids: Any) -> Any:
    """Returns a numpy array as a tensor, other inputs as they are."""
    if isinstance(ids, np.ndarray):
        return tf.convert_to_tensor(ids)
    return ids


def batch_size_of(ids: Any) -> tf.Tensor:
    """Returns the number of examples in a feature's batch: int64 scalar."""
    if isinstance(ids, tf.SparseTensor):
        return ids.dense_shape[0]
    if isinstance(ids, tf.RaggedTensor):
        return tf.cast(ids.nrows(), tf.int64)
    return tf.shape(ids, tf.int64)[0]


def _check_input(feature: FeatureSpec, ids: Any, weights: Any) -> None:
    """Checks one feature's batch as far as its static types and shapes tell."""
    path = feature.path
    if not isinstance(ids, (tf.Tensor, tf.Variable, tf.SparseTensor, tf.RaggedTensor)):
        raise ValueError(
            f"Feature '{path}': input is of unknown type {type(ids)}. "
            "Tensor, SparseTensor or RaggedTensor expected."
        )
    if ids.dtype not in (tf.int32, tf.int64):
        raise ValueError(
            f"Feature '{path}': ids must be int32 or int64, got {ids.dtype.name}. "
            "Turn tokens into ids in the preprocessing."
        )
    is_dense = not isinstance(ids, (tf.SparseTensor, tf.RaggedTensor))
    _check_rank(path, ids, is_dense)
    if is_dense and feature.is_sequence:
        raise ValueError(
            f"Feature '{path}' is a sequence feature but a dense tensor was passed."
        )
    if weights is None:
        return
    if is_dense:
        raise ValueError(
            f"Weight specified for dense input '{path}': weights go with sparse or "
            "ragged ids."
        )
    if type(weights) is not type(ids):
        raise ValueError(
            f"Feature '{path}': weight is of type {type(weights).__name__}, which does "
            f"not match type input which is {type(ids).__name__}."
        )
    if feature.is_sequence:
        raise ValueError(
            f"Weight specified for '{path}', but this is a sequence feature."
        )


def _check_rank(path: str, ids: Any, is_dense: bool) -> None:
    rank = ids.shape.rank
    if is_dense and not (rank == 1 or (rank == 2 and ids.shape[1] == 1)):
        raise ValueError(
            f"Feature '{path}': dense ids must have shape [batch] or [batch, 1], got "
            f"{ids.shape}. Pass several ids an example as a SparseTensor or "
            "RaggedTensor."
        )
    if not is_dense and rank != 2:
        raise ValueError(
            f"Feature '{path}': sparse and ragged ids need rank 2, got rank {rank}."
        )


def _same_entries(path: str, ids: Any, weights: Any) -> Check:
    """Asserts that ids and weights have the same entries, not only equally many."""
    if isinstance(ids, tf.SparseTensor):
        mine, theirs = ids.indices, weights.indices
    else:
        mine = tf.cast(ids.row_splits, tf.int64)
        theirs = tf.cast(weights.row_splits, tf.int64)
    same = tf.cond(
        tf.reduce_all(tf.equal(tf.shape(mine), tf.shape(theirs))),
        lambda: tf.reduce_all(tf.equal(mine, theirs)),
        lambda: False,
    )
    message = f"Feature '{path}': weights must stand at the same positions as the ids."
    return tf.debugging.Assert(same, [message, "ids:", mine, "weights:", theirs])


def _sequence(values: Any, examples: Any, positions: Any, config: Any) -> Lookup:
    """Gives every position of a sequence a row of its own; the tail is cut off."""
    length = config.max_sequence_length
    kept = positions < length
    rows = tf.boolean_mask(examples * length + positions, kept)
    ids = tf.boolean_mask(values, kept)
    return Lookup(ids, rows, tf.ones_like(ids, tf.float32))


def _coefficients(combiner: str, examples: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns w, w / sum(w) or w / sqrt(sum(w^2)) within each example; 0 / 0 is 0."""
    if combiner == "sum":
        return weights
    if combiner == "mean":
        totals = tf.math.segment_sum(weights, examples)
    else:
        totals = tf.sqrt(tf.math.segment_sum(tf.square(weights), examples))
    return tf.math.divide_no_nan(weights, tf.gather(totals, examples))
