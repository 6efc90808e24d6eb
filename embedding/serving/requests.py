"""What a request asks of a table, read in as few ops as possible.

The time of a small request goes with the number of its ops. So the kinds of input that
requests are made of are read here; all others are read as in training, by
`inputs.lookups`. Tests hold both to the same numbers.
"""

from typing import NamedTuple

import tensorflow as tf

from shardline.embedding.config.specs import FeatureSpec
from shardline.embedding.inputs.lookups import Lookup, combined, lookup_of, shape_of
from shardline.embedding.inputs.structure import is_dense
from shardline.embedding.serving.checks import FeatureRequest


class UnpooledRequest(NamedTuple):
    """Ids whose activations are rows of the table: none is added to another.

    Attributes:
        ids: int64, of any shape, or ragged [batch, None] for sequences.
        length: for sequences, how many ids of each count, from the first on; else None.
        drops: whether an id that is no row of the table stands for zeros.
    """

    ids: tf.Tensor | tf.RaggedTensor
    length: int | None
    drops: bool


class PooledRequest(NamedTuple):
    """Bags of ids: the rows of each bag are added up to one activation.

    Attributes:
        lookup: what is asked of the table.
        bag_count: int64 scalar.
        shape: int64 [rank], shape of the activations without the dim. None if it is
            [bag_count].
    """

    lookup: Lookup
    bag_count: tf.Tensor
    shape: tf.Tensor | None = None


def is_read_here(request: FeatureRequest) -> bool:
    """Tells whether `read` takes a request, which `request_checks` has to check."""
    feature, ids, weights = request
    policy = _policy(feature)
    if is_dense(ids) or not isinstance(ids, tf.RaggedTensor):
        return is_dense(ids)
    if feature.is_sequence:
        return True
    if feature.config.output_shape.rank is not None:
        return False
    return policy in (None, "error") or (policy == "oov_row" and weights is None)


def read(request: FeatureRequest) -> UnpooledRequest | PooledRequest:
    """Returns what one feature's request asks of its table.

    Args:
        request: one that `is_read_here`, once `request_checks` has passed.
    """
    feature, ids, _ = request
    if is_dense(ids):
        flat = ids if ids.shape.rank == 1 else tf.squeeze(ids, -1)
        drops = _policy(feature) == "drop"
        return UnpooledRequest(_rows(feature, flat), None, drops)
    if feature.is_sequence:
        # Of the row splits, which are checked, and of nothing else it may have.
        rows = tf.RaggedTensor.from_row_splits(
            _rows(feature, ids.values), ids.row_splits, validate=False
        )
        length = feature.config.max_sequence_length
        return UnpooledRequest(rows, length, _policy(feature) == "drop")
    return _read_bags(request)


def read_as_in_training(request: FeatureRequest) -> PooledRequest:
    """Returns what any request asks of its table, and checks it."""
    shape = shape_of(request.feature, request.ids)
    return PooledRequest(lookup_of(*request), tf.reduce_prod(shape), shape)


def _policy(feature: FeatureSpec) -> str | None:
    """Returns the table's policy; None if the caller vouches for ids and weights."""
    return feature.policy if feature.config.validate_weights_and_indices else None


def _rows(feature: FeatureSpec, ids: tf.Tensor) -> tf.Tensor:
    """Returns the row for each id, int64; an id that is left out stays as it is."""
    ids = tf.cast(ids, tf.int64)
    if _policy(feature) != "oov_row":
        return ids
    rows = feature.config.table.vocabulary_size
    last = tf.constant(rows - 1, tf.int64)
    return tf.where((ids >= 0) & (ids < rows), ids, last)


def _read_bags(request: FeatureRequest) -> PooledRequest:
    feature, ids, weights = request
    splits = tf.cast(ids.row_splits, tf.int64)
    # One kernel, which also refuses splits that no ragged tensor can have.
    entries = tf.raw_ops.RaggedTensorToSparse(
        rt_nested_splits=[splits], rt_dense_values=_rows(feature, ids.values)
    )
    rows, count = entries.sparse_values, entries.sparse_dense_shape[0]
    segments = entries.sparse_indices[:, 0]
    if weights is None:
        coefficients = _equal_coefficients(feature, splits, segments)
        return PooledRequest(Lookup(rows, segments, coefficients), count)
    lookup = Lookup(rows, segments, tf.cast(weights.values, tf.float32))
    combiner = feature.config.table.combiner
    return PooledRequest(combined(lookup, combiner, count, is_weighted=True), count)


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
