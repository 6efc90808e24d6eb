"""The activations of a served table: its rows, or the sums of the rows of bags."""

import tensorflow as tf

from shardline.embedding.config.specs import FeatureSpec
from shardline.embedding.inputs.lookups import Lookup
from shardline.embedding.serving.requests import PooledRequest, UnpooledRequest
from shardline.embedding.serving.tables import ServingTable
from shardline.embedding.tables import pooling

# Size of a float32 table that the cache of one core holds.
_CACHED_BYTES = 2**20


def unpooled_activations(
    feature: FeatureSpec, request: UnpooledRequest, table: ServingTable
) -> tf.Tensor:
    """Returns float32, the shape of the ids + [dim], or [batch, length, dim]."""
    ids, length, drops = request
    if length is None:
        return _rows(feature, ids, drops, table)
    rows = ids.with_values(_rows(feature, ids.values, drops, table))
    return rows.to_tensor(0.0, shape=[None, length, None])


def _rows(
    feature: FeatureSpec, ids: tf.Tensor, drops: bool, table: ServingTable
) -> tf.Tensor:
    if not drops:
        return _finished(feature, *table.scaled_rows(lambda p: tf.gather(p, ids)))
    is_row = (ids >= 0) & (ids < feature.config.table.vocabulary_size)
    some_row = tf.where(is_row, ids, tf.constant(0, tf.int64))
    rows = _finished(feature, *table.scaled_rows(lambda p: tf.gather(p, some_row)))
    return tf.where(is_row[..., tf.newaxis], rows, 0.0)


def pooled_activations(
    feature: FeatureSpec, request: PooledRequest, table: ServingTable
) -> tf.Tensor:
    """Returns float32 [bag_count, dim].

    The rows of each host are added up apart, and then the sums of the hosts in their
    order, as in training: the last bits of a sum depend on the order.
    """
    lookup, bag_count, _ = request
    hosts = len(table.starts)
    if hosts == 1:
        return _sums(feature, lookup, bag_count, table)
    host_of_id = _hosts_of(lookup.ids, table.starts)
    segments = lookup.segment_ids + host_of_id * bag_count
    lookup = lookup._replace(segment_ids=segments)
    by_host = _sums(feature, lookup, hosts * bag_count, table)
    dim = feature.config.table.dim
    return pooling.stack_sum_in_order(tf.reshape(by_host, [hosts, -1, dim]))


def _sums(
    feature: FeatureSpec, lookup: Lookup, count: tf.Tensor, table: ServingTable
) -> tf.Tensor:
    config = feature.config.table
    is_exact = table.precision == "float32" and config.quantization_config is None
    if is_exact and 4 * config.vocabulary_size * config.dim <= _CACHED_BYTES:
        indices = tf.stack([lookup.segment_ids, lookup.ids], axis=1)
        values = table.parts["rows"].read_value()
        return pooling.pooled(indices, lookup.coefficients, count, values)
    # The rows are gathered first, though the product takes tables: several threads
    # gather, one adds up, and it finds the rows in its cache.
    rows, scales = table.scaled_rows(lambda part: tf.gather(part, lookup.ids))
    coefficients = lookup.coefficients
    if config.quantization_config is not None:
        rows = _finished(feature, rows, scales)
    elif scales is not None:
        coefficients *= scales
    return pooling.pooled_rows(lookup.segment_ids, coefficients, count, rows)


def _finished(
    feature: FeatureSpec, rows: tf.Tensor, scales: tf.Tensor | None
) -> tf.Tensor:
    """Returns rows as lookups see them: scaled, and rounded as the table quantizes."""
    if scales is not None:
        rows *= scales[..., tf.newaxis]
    return pooling.quantized(feature.config.table.quantization_config, rows)


def _hosts_of(ids: tf.Tensor, starts: tuple[int, ...]) -> tf.Tensor:
    """Returns the host of each row, as `partition.hosts_of_rows`: int64 [n]."""
    hosts = tf.raw_ops.UpperBound(
        sorted_inputs=tf.constant([starts[1:]], tf.int64),
        values=ids[tf.newaxis],
        out_type=tf.int64,
    )
    return hosts[0]
