"""What a request asks of a table, read in as few ops as it takes.

A small request is as slow as it has ops, so the inputs that requests are made of have
readers of their own here; all others are read as in training, by `inputs.lookups`.
Tests hold both to the same numbers.
"""

from typing import NamedTuple

import tensorflow as tf

from shardline.embedding.config.specs import FeatureSpec
from shardline.embedding.inputs.lookups import Lookup, combined, lookup_of, shape_of
from shardline.embedding.inputs.structure import is_dense
from shardline.embedding.serving.checks import Batch


class Places(NamedTuple):
    """Places of one id each: their activations are rows of the table.

    Attributes:
        ids: int64, of any shape, or ragged [batch, None] for sequences.
        length: of sequences: the first so many ids count; None if there are none.
        drops: whether an id that is no row of the table stands for zeros.
    """

    ids: tf.Tensor | tf.RaggedTensor
    length: int | None
    drops: bool


class Bags(NamedTuple):
    """Ids whose rows are added up.

    Attributes:
        lookup: their occurrences.
        count: int64 scalar, how many bags there are.
        shape: int64 [rank], of the activations without the dim; None if it is [count].
    """

    lookup: Lookup
    count: tf.Tensor
    shape: tf.Tensor | None = None


def has_reader(batch: Batch) -> bool:
    """Tells whether a batch is read here, and so not checked yet."""
    feature, ids, weights = batch
    policy = _policy(feature)
    if is_dense(ids) or not isinstance(ids, tf.RaggedTensor):
        return is_dense(ids)
    if feature.is_sequence:
        return True
    if feature.config.output_shape.rank is not None:
        return False
    return policy in (None, "error") or (policy == "oov_row" and weights is None)


def read(batch: Batch) -> Places | Bags:
    """Returns what one feature's batch asks of its table.

    Args:
        batch: one that `has_reader`, once `request_checks` has passed.
    """
    feature, ids, _ = batch
    if is_dense(ids):
        places = ids if ids.shape.rank == 1 else tf.squeeze(ids, -1)
        return Places(_rows(feature, places), None, _policy(feature) == "drop")
    if feature.is_sequence:
        # Of the row splits, which are checked, and of nothing else it may have.
        rows = tf.RaggedTensor.from_row_splits(
            _rows(feature, ids.values), ids.row_splits, validate=False
        )
        length = feature.config.max_sequence_length
        return Places(rows, length, _policy(feature) == "drop")
    return _bags(batch)


def read_as_in_training(batch: Batch) -> Bags:
    """Returns what any batch asks of its table, and checks it."""
    shape = shape_of(batch.feature, batch.ids)
    return Bags(lookup_of(*batch), tf.reduce_prod(shape), shape)


def _policy(feature: FeatureSpec) -> str | None:
    """Returns the table's policy; None if the caller vouches for ids and weights."""
    return feature.policy if feature.config.validate_weights_and_indices else None


def _rows(feature: FeatureSpec, ids: tf.Tensor) -> tf.Tensor:
    """Returns the table's rows that ids stand for, int64; none for an id left out."""
    ids = tf.cast(ids, tf.int64)
    if _policy(feature) != "oov_row":
        return ids
    rows = feature.config.table.vocabulary_size
    last = tf.constant(rows - 1, tf.int64)
    return tf.where((ids >= 0) & (ids < rows), ids, last)


def _bags(batch: Batch) -> Bags:
    feature, ids, weights = batch
    splits = tf.cast(ids.row_splits, tf.int64)
    # One kernel, which also refuses splits that are none.
    entries = tf.raw_ops.RaggedTensorToSparse(
        rt_nested_splits=[splits], rt_dense_values=_rows(feature, ids.values)
    )
    rows, count = entries.sparse_values, entries.sparse_dense_shape[0]
    segments = entries.sparse_indices[:, 0]
    if weights is None:
        coefficients = _equal_coefficients(feature, splits, segments)
        return Bags(Lookup(rows, segments, coefficients), count)
    lookup = Lookup(rows, segments, tf.cast(weights.values, tf.float32))
    combiner = feature.config.table.combiner
    return Bags(combined(lookup, combiner, count, is_weighted=True), count)


def _equal_coefficients(
    feature: FeatureSpec, splits: tf.Tensor, segments: tf.Tensor
) -> tf.Tensor:
    """Returns the coefficients of ids without weights: float32 [n]."""
    combiner = feature.config.table.combiner
    if combiner == "sum":
        return tf.ones_like(segments, tf.float32)
    sizes = tf.cast(splits[1:] - splits[:-1], tf.float32)
    if combiner == "sqrtn":
        sizes = tf.sqrt(sizes)
    return tf.gather(tf.math.divide_no_nan(1.0, sizes), segments)
