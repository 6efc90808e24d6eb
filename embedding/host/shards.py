"""What each host does for a table: look its own rows up, update its own rows.

A `ShardLookup` is the part of a batch that one host answers for one table. Pooled
lookup and pooled gradient read the same one.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from embedding import optimizers, pooling
from embedding.features import Lookup
from embedding.tables import HostTable, Shard


class ShardLookup(NamedTuple):
    """The part of a batch that one host answers for one table.

    Attributes:
        rows: int64 [distinct], the host's rows that occur, counted from its first row.
        indices: int64 [n, 2], pairs (activation row, position in `rows`).
        coefficients: float32 [n].
    """

    rows: tf.Tensor
    indices: tf.Tensor
    coefficients: tf.Tensor


DTYPES = [tf.int64, tf.int64, tf.float32]


def from_queue(tensors: Sequence[tf.Tensor]) -> ShardLookup:
    """Returns a lookup from queue elements, which come without static shapes."""
    shard = ShardLookup(*tensors)
    shard.rows.set_shape([None])
    shard.indices.set_shape([None, 2])
    shard.coefficients.set_shape([None])
    return shard


def split_by_host(table: HostTable, lookup: Lookup) -> list[ShardLookup]:
    """Splits a table's occurrences by host and finds the distinct rows of each."""
    shards = []
    for host, start, part in zip(
        table.hosts, table.starts, lookup.split(table.starts), strict=True
    ):
        with tf.device(host):
            rows, positions = tf.unique(part.ids - start, out_idx=tf.int64)
            indices = tf.stack([part.segment_ids, positions], axis=1)
            shards.append(ShardLookup(rows, indices, part.coefficients))
    return shards


def merged(parts: Sequence[ShardLookup], activation_rows: int) -> ShardLookup:
    """Returns the lookups of several replicas as one; their activations are stacked.

    Args:
        parts: one lookup of the same shard for each replica.
        activation_rows: rows of activations of one replica.
    """
    if len(parts) == 1:
        return parts[0]
    all_rows = tf.concat([part.rows for part in parts], axis=0)
    rows, positions = tf.unique(all_rows, out_idx=tf.int64)
    indices = []
    first = tf.constant(0, tf.int64)
    for replica, part in enumerate(parts):
        own = part.indices[:, 0] + replica * activation_rows
        indices.append(
            tf.stack([own, tf.gather(positions, part.indices[:, 1] + first)], axis=1)
        )
        first += tf.size(part.rows, tf.int64)
    coefficients = tf.concat([part.coefficients for part in parts], axis=0)
    return ShardLookup(rows, tf.concat(indices, axis=0), coefficients)


def pooled(
    table: HostTable, lookups: Sequence[ShardLookup], activation_rows: int
) -> tf.Tensor:
    """Returns the table's activations: float32 [activation_rows, dim].

    Each host pools its own rows; the partial sums are added up.
    """
    partial_sums = []
    for shard, lookup in zip(table.shards(), lookups, strict=True):
        with tf.device(shard.host):
            touched = pooling.quantized(
                table.spec.config.quantization_config,
                shard.parameters.sparse_read(lookup.rows),
            )
            partial_sums.append(
                pooling.pooled(
                    lookup.indices, lookup.coefficients, activation_rows, touched
                )
            )
    return tf.add_n(partial_sums)


def update(
    table: HostTable,
    lookups: Sequence[ShardLookup],
    gradient: tf.Tensor,
    rate: tf.Tensor,
) -> None:
    """Updates the rows that occur, and their slots, in place and on their hosts.

    Args:
        table: the table.
        lookups: of each host with rows.
        gradient: float32 [activation rows, dim], of the table's activations.
        rate: float32 scalar, the learning rate.
    """
    for shard, lookup in zip(table.shards(), lookups, strict=True):
        with tf.device(shard.host):
            if table.spec.optimizer.use_gradient_accumulation:
                _update_once(table, shard, lookup, gradient, rate)
            else:
                _update_by_occurrence(table, shard, lookup, gradient, rate)


def _update_once(
    table: HostTable, shard: Shard, lookup: ShardLookup, gradient: Any, rate: Any
) -> None:
    """Sums the gradient of each row over its occurrences, then updates each once."""
    optimizer = table.spec.optimizer
    rows = lookup.rows
    summed = pooling.pooled_gradient(
        lookup.indices, lookup.coefficients, tf.size(rows, tf.int64), gradient
    )
    if optimizers.touches_all_rows(optimizer):
        shape = tf.shape(shard.parameters, tf.int64)
        summed = tf.scatter_nd(rows[:, tf.newaxis], summed, shape)
        rows = tf.range(shape[0])
    if table.spec.policy != "error":
        rows, summed = _finite(rows, summed)
    _apply_rule(optimizer, shard, rows, summed, rate)


def _update_by_occurrence(
    table: HostTable, shard: Shard, lookup: ShardLookup, gradient: Any, rate: Any
) -> None:
    """Applies the occurrences of a row one after the other, in the batch's order.

    Round k applies the k-th occurrence of every row that has one.
    """
    activation_rows, positions = tf.unstack(lookup.indices, num=2, axis=1)
    gradients = lookup.coefficients[:, tf.newaxis] * tf.gather(
        gradient, activation_rows
    )
    if table.spec.policy != "error":
        usable = _finite_rows(positions, gradients, tf.size(lookup.rows))
        positions = tf.boolean_mask(positions, usable)
        gradients = tf.boolean_mask(gradients, usable)
    rounds = _occurrence_numbers(positions)

    def one_round(number: tf.Tensor) -> tuple[tf.Tensor]:
        due = tf.equal(rounds, number)
        rows = tf.gather(lookup.rows, tf.boolean_mask(positions, due))
        due_gradients = tf.boolean_mask(gradients, due)
        _apply_rule(table.spec.optimizer, shard, rows, due_gradients, rate)
        return (number + 1,)

    count = tf.reduce_max(tf.concat([rounds, [-1]], axis=0)) + 1
    tf.while_loop(lambda n: n < count, one_round, [tf.constant(0, tf.int64)])


def _apply_rule(
    optimizer: Any, shard: Shard, rows: tf.Tensor, gradient: tf.Tensor, rate: tf.Tensor
) -> None:
    """Updates these rows and their slots in place."""
    variables = (shard.parameters, *shard.slots)
    parameters, *slots = (variable.sparse_read(rows) for variable in variables)
    updated, updated_slots = optimizers.updated_rows(
        optimizer, parameters, tuple(slots), gradient, rate
    )
    for variable, values in zip(variables, (updated, *updated_slots), strict=True):
        variable.scatter_update(tf.IndexedSlices(values, rows))


def _finite(rows: tf.Tensor, gradients: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Leaves out the rows whose gradient is NaN or infinite."""
    usable = tf.reduce_all(tf.math.is_finite(gradients), axis=1)
    return tf.boolean_mask(rows, usable), tf.boolean_mask(gradients, usable)


def _finite_rows(positions: tf.Tensor, gradients: tf.Tensor, rows: Any) -> tf.Tensor:
    """Tells which occurrences are of rows whose gradients are all finite: bool [n]."""
    is_spoiled = tf.reduce_any(~tf.math.is_finite(gradients), axis=1)
    spoiled = tf.math.unsorted_segment_max(
        tf.cast(is_spoiled, tf.int32), positions, rows
    )
    return tf.gather(spoiled, positions) < 1


def _occurrence_numbers(positions: tf.Tensor) -> tf.Tensor:
    """Returns how many equal values stand before each value: int64 [n]."""
    order = tf.argsort(positions, stable=True)
    ordered = tf.gather(positions, order)
    before = tf.searchsorted(ordered, ordered, side="left", out_type=tf.int64)
    numbers = tf.range(tf.size(ordered, tf.int64)) - before
    return tf.gather(numbers, tf.math.invert_permutation(order))
