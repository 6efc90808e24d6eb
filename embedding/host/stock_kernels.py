"""The hot steps in stock TensorFlow ops, for where the native kernels are not built.

A `GroupedLookup` is what a step asks of one table on one host. Pooled lookup and pooled
gradient read the same one.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from shardline.embedding.config import optimizers
from shardline.embedding.host.layout import (
    SHAPE_REMEDY,
    HostLayout,
    HostLookups,
    shape_message,
)
from shardline.embedding.host.row_trackers import RowTrackers
from shardline.embedding.inputs.assertions import Check, after
from shardline.embedding.inputs.lookups import Lookup, lookup_of, shape_of
from shardline.embedding.tables import pooling
from shardline.embedding.tables.host_table import HostTable, Shard


class GroupedLookup(NamedTuple):
    """The lookup of one table on one host, with each of its rows listed once.

    Attributes:
        rows: int32 [distinct], the rows that occur, numbered from the host's first row.
        indices: int64 [n, 2], pairs (activation row, position in `rows`).
        coefficients: float32 [n], what each row is multiplied by.
    """

    rows: tf.Tensor
    indices: tf.Tensor
    coefficients: tf.Tensor


class StockKernels:
    """Implements `embedding.host.kernels.Kernels`.

    Attributes:
        trackers: none, stock ops do not track rows.
    """

    def __init__(self, layout: HostLayout):
        """Takes what is known before the first batch."""
        self._layout = layout
        self.trackers: list[RowTrackers] = []

    def prepare(self, tables: Sequence[HostTable]) -> None:
        """Does nothing: stock ops take tables as they are."""

    def partition(
        self, features: Sequence[Any], weights: Sequence[Any]
    ) -> list[HostLookups]:
        """Splits a batch, as `Kernels.partition`."""
        with after(*self._shape_checks(features)):
            lookups = [
                _by_activation_row(ids, lookup_of(feature, ids, of_ids))
                for feature, ids, of_ids in zip(
                    self._layout.features, features, weights, strict=True
                )
            ]
        by_host: list[list[Lookup]] = [[] for _ in self._layout.used_hosts]
        for table, starts in enumerate(self._layout.first_rows):
            parts = self._stacked(table, lookups).split(starts)
            for host, (part, start) in enumerate(zip(parts, starts, strict=True)):
                by_host[host].append(part._replace(ids=part.ids - start))
        return [_joined(lookups) for lookups in by_host]

    def lookup(
        self, tables: Sequence[HostTable], batch: Sequence[HostLookups]
    ) -> list[tf.Tensor]:
        """Looks a batch up, as `Kernels.lookup`: partial sums of hosts are added up."""
        sums: list[list[tf.Tensor]] = [[] for _ in tables]
        for host, lookups in enumerate(batch):
            for table, lookup in self._grouped(host, [lookups]):
                shard = tables[table].shards()[host]
                with tf.device(shard.host):
                    touched = pooling.quantized(
                        tables[table].spec.config.quantization_config,
                        shard.parameters.sparse_read(lookup.rows),
                    )
                    rows = self._layout.table_rows(table)
                    sums[table].append(
                        pooling.pooled(
                            lookup.indices, lookup.coefficients, rows, touched
                        )
                    )
        activations: list[Any] = [None] * len(self._layout.features)
        for spec, partial_sums in zip(self._layout.tables, sums, strict=True):
            sizes = [self._layout.activation_rows[f] for f in spec.features]
            parts = tf.split(pooling.sum_in_order(partial_sums), sizes)
            for feature, part in zip(spec.features, parts, strict=True):
                activations[feature] = part
        return activations

    def finite_checks(self, gradients: Sequence[Sequence[tf.Tensor]]) -> list[Check]:
        """Checks gradients, as `Kernels.finite_checks`."""
        return [
            tf.debugging.Assert(
                tf.reduce_all(tf.math.is_finite(self._stacked_gradient(t, gradients))),
                [
                    f"Table '{table.name}': a gradient is NaN or infinite. No table "
                    "was updated, and the batch still awaits its gradients. Mend the "
                    "loss, or give the table the policy drop or oov_row."
                ],
            )
            for t, table in enumerate(self._layout.tables)
            if table.policy == "error"
        ]

    def update(
        self,
        tables: Sequence[HostTable],
        batches: Sequence[Sequence[HostLookups]],
        gradients: Sequence[Sequence[tf.Tensor]],
        rates: Sequence[tf.Tensor],
    ) -> None:
        """Updates all tables, as `Kernels.update`."""
        for host in range(len(self._layout.used_hosts)):
            replicas = [replica[host] for replica in batches]
            for table, lookup in self._grouped(host, replicas):
                shard = tables[table].shards()[host]
                gradient = self._stacked_gradient(table, gradients)
                with tf.device(shard.host):
                    update = (tables[table], shard, lookup, gradient, rates[table])
                    if tables[table].spec.optimizer.use_gradient_accumulation:
                        _update_once(*update)
                    else:
                        _update_by_occurrence(*update)

    def _shape_checks(self, features: Sequence[Any]) -> list[Check]:
        """Asserts the shapes of inputs whose static shape does not tell them."""
        checks = []
        for feature, ids, expected in zip(
            self._layout.features, features, self._layout.shapes, strict=True
        ):
            shape = shape_of(feature, ids)
            fits = tf.reduce_all(tf.equal(shape, expected))
            message = shape_message(feature.path, expected)
            checks.append(tf.debugging.Assert(fits, [message, shape, SHAPE_REMEDY]))
        return checks

    def _stacked(self, table: int, lookups: list[Lookup]) -> Lookup:
        """Stacks the features of a table: their activation rows follow each other."""
        features = self._layout.tables[table].features
        rows = [self._layout.activation_rows[feature] for feature in features]
        parts = [
            _shifted(lookups[feature], offset)
            for feature, offset in zip(
                features, itertools.accumulate(rows, initial=0), strict=False
            )
        ]
        return Lookup(
            *(tf.concat(column, axis=0) for column in zip(*parts, strict=True))
        )

    def _stacked_gradient(
        self, table: int, gradients: Sequence[Sequence[tf.Tensor]]
    ) -> tf.Tensor:
        """Stacks the gradients of a table's features, replica after replica."""
        features = self._layout.tables[table].features
        return tf.concat([replica[f] for replica in gradients for f in features], 0)

    def _grouped(
        self, host: int, replicas: Sequence[HostLookups]
    ) -> Iterator[tuple[int, GroupedLookup]]:
        """Yields each table on a host, and the lookups of all replicas in it as one."""
        tables = self._layout.tables_on(host)
        with tf.device(self._layout.used_hosts[host]):
            by_replica = [_split(replica, len(tables)) for replica in replicas]
            for position, table in enumerate(tables):
                parts = [
                    _shifted(parts[position], replica * self._layout.table_rows(table))
                    for replica, parts in enumerate(by_replica)
                ]
                merged = Lookup(
                    *(tf.concat(column, axis=0) for column in zip(*parts, strict=True))
                )
                rows, positions = tf.unique(merged.ids, out_idx=tf.int64)
                indices = tf.stack([merged.segment_ids, positions], axis=1)
                yield table, GroupedLookup(rows, indices, merged.coefficients)


def _by_activation_row(ids: Any, lookup: Lookup) -> Lookup:
    """Returns a feature's lookup with its entries in the order of activation rows.

    That is the order in which rows are updated. Only the entries of a SparseTensor may
    stand in another order; those of one activation row keep theirs.
    """
    if not isinstance(ids, tf.SparseTensor):
        return lookup
    segments = lookup.segment_ids

    def ordered() -> Lookup:
        order = tf.argsort(segments, stable=True)
        return Lookup(*(tf.gather(column, order) for column in lookup))

    in_order = tf.reduce_all(segments[1:] >= segments[:-1])
    return Lookup(*tf.cond(in_order, lambda: lookup, ordered))


def _joined(lookups: Sequence[Lookup]) -> HostLookups:
    """Returns the lookups of a host's tables as one list."""
    ids, segments, coefficients = (
        tf.concat(column, axis=0) for column in zip(*lookups, strict=True)
    )
    ends = tf.cumsum(tf.stack([tf.size(lookup.ids, tf.int64) for lookup in lookups]))
    return HostLookups(
        tf.cast(ids, tf.int32), tf.cast(segments, tf.int32), coefficients, ends
    )


def _split(lookups: HostLookups, tables: int) -> list[Lookup]:
    """Returns the lookup of each table on a host."""
    starts = tf.concat([[0], lookups.table_ends[:-1]], axis=0)
    sizes = lookups.table_ends - starts
    columns = (
        tf.split(column, sizes, num=tables)
        for column in (lookups.rows, tf.cast(lookups.segments, tf.int64))
    )
    coefficients = tf.split(lookups.coefficients, sizes, num=tables)
    return [Lookup(*part) for part in zip(*columns, coefficients, strict=True)]


def _shifted(lookup: Lookup, rows: int) -> Lookup:
    return lookup._replace(segment_ids=lookup.segment_ids + rows)


def _update_once(
    table: HostTable, shard: Shard, lookup: GroupedLookup, gradient: Any, rate: Any
) -> None:
    """Sums the gradient of each row over its occurrences, then updates each once."""
    optimizer = table.spec.optimizer
    rows = lookup.rows
    summed = pooling.pooled_gradient(
        lookup.indices, lookup.coefficients, tf.size(rows, tf.int64), gradient
    )
    if optimizers.touches_all_rows(optimizer):
        shape = tf.shape(shard.parameters, rows.dtype)
        summed = tf.scatter_nd(rows[:, tf.newaxis], summed, shape)
        rows = tf.range(shape[0])
    if table.spec.policy != "error":
        rows, summed = _finite(rows, summed)
    _apply_rule(optimizer, shard, rows, summed, rate)


def _update_by_occurrence(
    table: HostTable, shard: Shard, lookup: GroupedLookup, gradient: Any, rate: Any
) -> None:
    """Applies the occurrences of a row one after the other, in the lookup's order.

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
