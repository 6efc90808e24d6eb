"""The engine on CPUs: rows split over hosts, each host pools and updates its own rows.

enqueue   splits the ids by host, finds each host's distinct rows, and queues the result
dequeue   each host pools its own rows; the partial sums are added up
send      each host gathers the gradient of its own rows and updates them in place

Two queues carry the batches. The inbox lets input work run ahead of the step: enqueue
blocks when it is full, dequeue when it is empty. The second one holds the training
batch that was dequeued and awaits its gradients.
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from embedding import optimizers, partition, pooling
from embedding.checks import Check, after
from embedding.features import Lookup, batch_size_of, lookup_of
from embedding.specs import FeatureSpec
from embedding.tables import HostTable

_INBOX_BATCHES = 4


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


class HostBackend:
    """Implements `embedding.backend.Backend` with stock TensorFlow ops."""

    def __init__(
        self,
        features: Sequence[FeatureSpec],
        tables: Sequence[HostTable],
        batch_size: int,
    ):
        """Creates the queues.

        Args:
            features: every feature, in flattened order.
            tables: every table, on its hosts.
            batch_size: examples in each batch.
        """
        self._features = features
        self._tables = tables
        self._batch_size = batch_size
        shard_dtypes = ShardLookup(tf.int64, tf.int64, tf.float32)
        self._layout = [[shard_dtypes] * len(table.hosts) for table in tables]
        dtypes = tf.nest.flatten(self._layout)
        self._inbox = tf.queue.FIFOQueue(_INBOX_BATCHES, [*dtypes, tf.bool])
        self._awaiting_gradients = tf.queue.FIFOQueue(1, dtypes)

    def enqueue(
        self, features: Sequence[Any], weights: Sequence[Any], training: bool
    ) -> None:
        """Splits the batch by host and queues it; blocks while the inbox is full."""
        with after(*self._batch_size_checks(features)):
            lookups = [
                lookup_of(*inputs)
                for inputs in zip(self._features, features, weights, strict=True)
            ]
        batch = [
            self._shard_lookups(table, self._stacked(table, lookups))
            for table in self._tables
        ]
        self._inbox.enqueue([*tf.nest.flatten(batch), tf.constant(training)])

    def dequeue(self) -> list[tf.Tensor]:
        """Returns each feature's activations for the oldest queued batch."""
        *flat, training = self._inbox.dequeue()
        tf.cond(training, lambda: self._await_gradients(flat), lambda: False)
        batch = self._unflatten(flat)
        activations: list[Any] = [None] * len(self._features)
        for table, shards in zip(self._tables, batch, strict=True):
            self._split(table, self._pooled(table, shards), activations)
        return activations

    def send_gradients(self, gradients: Sequence[tf.Tensor]) -> None:
        """Updates the rows of the last dequeued training batch."""
        waiting = tf.debugging.Assert(
            self._awaiting_gradients.size() > 0,
            [
                "apply_gradients was called, but no training batch awaits gradients: "
                "call dequeue once before it, on a batch enqueued with training=True."
            ],
        )
        with after(waiting):
            flat = self._awaiting_gradients.dequeue()
        batch = self._unflatten(flat)
        for table, shards in zip(self._tables, batch, strict=True):
            stacked = tf.concat(
                [
                    tf.reshape(gradients[feature], [-1, table.spec.config.dim])
                    for feature in table.spec.features
                ],
                axis=0,
            )
            self._update(table, shards, stacked)

    def _batch_size_checks(self, features: Sequence[Any]) -> list[Check]:
        """Asserts the batch size of inputs whose static shape does not tell it."""
        return [
            tf.debugging.Assert(
                tf.equal(batch_size_of(ids), self._batch_size),
                [
                    f"Feature '{feature.path}': the engine was built for batches of "
                    f"{self._batch_size} examples, got",
                    batch_size_of(ids),
                ],
            )
            for feature, ids in zip(self._features, features, strict=True)
            if ids.shape[0] is None
        ]

    def _activation_rows(self, table: HostTable) -> list[int]:
        return [self._features[f].rows(self._batch_size) for f in table.spec.features]

    def _stacked(self, table: HostTable, lookups: list[Lookup]) -> Lookup:
        """Stacks the features of a table: their activation rows follow each other."""
        offsets = itertools.accumulate(self._activation_rows(table), initial=0)
        parts = [
            lookups[feature]._replace(rows=lookups[feature].rows + offset)
            for feature, offset in zip(table.spec.features, offsets, strict=False)
        ]
        return Lookup(
            *(tf.concat(column, axis=0) for column in zip(*parts, strict=True))
        )

    def _shard_lookups(self, table: HostTable, lookup: Lookup) -> list[ShardLookup]:
        """Splits a table's occurrences by host and finds the distinct rows of each."""
        host_of_id = partition.hosts_of_rows(lookup.ids, table.starts)
        columns = (
            tf.dynamic_partition(column, host_of_id, len(table.hosts))
            for column in lookup
        )
        parts = zip(*columns, strict=True)
        return [
            _shard_lookup(host, start, *part)
            for host, start, part in zip(table.hosts, table.starts, parts, strict=True)
        ]

    def _await_gradients(self, flat: list[tf.Tensor]) -> bool:
        applied = tf.debugging.Assert(
            tf.equal(self._awaiting_gradients.size(), 0),
            [
                "dequeue was called while the last training batch still awaits its "
                "gradients: call apply_gradients once after each dequeue of a batch "
                "enqueued with training=True."
            ],
        )
        with after(applied):
            self._awaiting_gradients.enqueue(flat)
        return True

    def _unflatten(self, flat: list[tf.Tensor]) -> list[list[ShardLookup]]:
        """Rebuilds the batch from queue elements, which come without static shapes."""
        batch: list[list[ShardLookup]] = tf.nest.pack_sequence_as(self._layout, flat)
        for shard in itertools.chain.from_iterable(batch):
            shard.rows.set_shape([None])
            shard.indices.set_shape([None, 2])
            shard.coefficients.set_shape([None])
        return batch

    def _pooled(self, table: HostTable, shards: list[ShardLookup]) -> tf.Tensor:
        """Returns the table's stacked activations: float32 [activation rows, dim]."""
        activation_rows = sum(self._activation_rows(table))
        partial_sums = []
        for (host, parameters, _), lookup in zip(table.shards(), shards, strict=True):
            with tf.device(host):
                touched = parameters.sparse_read(lookup.rows)
                partial_sums.append(
                    pooling.pooled(
                        lookup.indices, lookup.coefficients, activation_rows, touched
                    )
                )
        return tf.add_n(partial_sums)

    def _split(
        self, table: HostTable, stacked: tf.Tensor, activations: list[Any]
    ) -> None:
        """Cuts stacked activations into those of each feature."""
        parts = tf.split(stacked, self._activation_rows(table))
        for feature, part in zip(table.spec.features, parts, strict=True):
            shape = self._features[feature].activation_shape(self._batch_size)
            activations[feature] = tf.reshape(part, shape)

    def _update(
        self, table: HostTable, shards: list[ShardLookup], gradient: tf.Tensor
    ) -> None:
        optimizer = table.spec.optimizer
        rate = optimizers.learning_rate(optimizer)
        for shard, lookup in zip(table.shards(), shards, strict=True):
            host, parameters, slots = shard
            with tf.device(host):
                new_rows, new_slots = optimizers.updated_rows(
                    optimizer,
                    parameters.sparse_read(lookup.rows),
                    tuple(slot.sparse_read(lookup.rows) for slot in slots),
                    pooling.pooled_gradient(
                        lookup.indices,
                        lookup.coefficients,
                        tf.size(lookup.rows, tf.int64),
                        gradient,
                    ),
                    rate,
                )
                for variable, values in zip(
                    (parameters, *slots), (new_rows, *new_slots), strict=True
                ):
                    variable.scatter_update(tf.IndexedSlices(values, lookup.rows))


def _shard_lookup(
    host: str, start: int, ids: tf.Tensor, rows: tf.Tensor, coefficients: tf.Tensor
) -> ShardLookup:
    with tf.device(host):
        distinct, positions = tf.unique(ids - start, out_idx=tf.int64)
        return ShardLookup(distinct, tf.stack([rows, positions], axis=1), coefficients)
