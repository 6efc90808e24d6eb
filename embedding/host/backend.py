"""The engine on CPUs: rows split over hosts, each host pools and updates its own rows.

enqueue   splits the ids by host, finds each host's distinct rows, and queues the result
dequeue   each host pools its own rows; the partial sums are added up
send      each host gathers the gradient of its own rows and updates them in place

The inbox lets input work run ahead of the step: enqueue blocks when it is full, dequeue
when it is empty. A second queue holds the training batch that was dequeued and awaits
its gradients. `embedding.host.pipelined` adds execution one step stale.
"""

import dataclasses
import itertools
import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import tensorflow as tf

from embedding import optimizers, partition
from embedding.checks import Check, after
from embedding.features import Lookup, lookup_of, shape_of
from embedding.host import shards
from embedding.host.batch_queue import BatchQueue, Part
from embedding.host.replicas import Replicas
from embedding.hosts import logical_hosts
from embedding.shapes import Shapes
from embedding.specs import FeatureSpec, TableSpec
from embedding.tables import HostTable

# Lookups of one batch by table, and by host within the table.
Batch: TypeAlias = list[list[shards.ShardLookup]]

_INBOX_BATCHES = 4


class HostBackend:
    """Implements `embedding.backend.Backend` with stock TensorFlow ops.

    Attributes:
        hosts: TensorFlow CPU devices that hold the rows, host 0 first.
        owns_tables: False, the variables are the tables.
    """

    def __init__(
        self,
        features: Sequence[FeatureSpec],
        tables: Sequence[TableSpec],
        hosts: Sequence[str],
        replicas: Replicas,
    ):
        """Takes the configuration; `load` and `initialize` make it ready.

        Args:
            features: every feature, in flattened order.
            tables: every table.
            hosts: TensorFlow CPU devices, host 0 first.
            replicas: of the strategy that the engine was created under.
        """
        self._features = features
        self._specs = tables
        self.hosts = list(hosts)
        self.owns_tables = False
        self._replicas = replicas
        self._tables: Sequence[HostTable] = []
        self._shapes: list[list[int]] = []
        self._rows: list[int] = []
        self._inboxes: list[BatchQueue] = []
        self._awaiting_gradients: list[BatchQueue] = []
        self._is_initialized = False

    def shapes_of_core(self, shapes: Shapes) -> Shapes:
        """Returns the shapes: a replica is one core."""
        return shapes

    def shape_of_replica(self, shape: tf.TensorShape) -> tf.TensorShape:
        """Returns the shape: a replica is one core."""
        return shape

    def load(self, tables: Sequence[HostTable]) -> None:
        """Reads and updates these variables from now on.

        A batch that awaits gradients is given up: they would be of other values.
        """
        self._tables = tables
        if self._is_initialized:
            for queue in self._awaiting_gradients:
                if not queue.is_empty():
                    queue.dequeue()

    def retrieve(self) -> None:
        """Does nothing: the variables are the tables."""

    def initialize(self, output_shapes: Sequence[tf.TensorShape]) -> None:
        """Creates the queues for batches of these shapes."""
        self._features = [
            dataclasses.replace(feature, built_shape=shape)
            for feature, shape in zip(self._features, output_shapes, strict=True)
        ]
        self._shapes = [shape.as_list() for shape in output_shapes]
        self._rows = [int(shape.num_elements()) for shape in output_shapes]
        lookups = self._lookup_parts()
        self._inboxes = self._queues(_INBOX_BATCHES, [*lookups, self._flag_part()])
        self._awaiting_gradients = self._queues(1, lookups)
        self._is_initialized = True

    def enqueue(
        self,
        features: Sequence[Any],
        weights: Sequence[Any],
        training: Any,
        *,
        name: str | None,
        device: str | None,
    ) -> None:
        """Splits the batch by host and queues it; blocks while the inbox is full.

        Raises:
            ValueError: if `device` is no replica's, or a batch has another shape.
        """
        with tf.name_scope(_scope(name, "enqueue")):
            if device is not None:
                replica = self._replicas.index_of(device)
                parts = self._prepared(features, weights, training)
                self._inboxes[replica].enqueue(parts)
            elif self._replicas.count == 1 or self._replicas.current() is None:
                self._enqueue_all(
                    zip(
                        self._replicas.local_values(features),
                        self._replicas.local_values(weights),
                        itertools.repeat(training),
                    )
                )
            else:
                inputs = (list(features), list(weights), training)
                self._replicas.together("enqueue", self._enqueue_all, inputs)

    def dequeue(self, *, name: str | None) -> list[tf.Tensor]:
        """Returns each feature's activations for the oldest queued batch."""
        with tf.name_scope(_scope(name, "dequeue")):
            activations = self._replicas.together(
                "dequeue", lambda _: self._dequeue_all(), []
            )
            # A tape that is open ends here: send_gradients does what comes before.
            return [tf.stop_gradient(activation) for activation in activations]

    def send_gradients(
        self, gradients: Sequence[tf.Tensor], *, name: str | None
    ) -> None:
        """Updates the rows of the last dequeued training batch."""
        with tf.name_scope(_scope(name, "apply_gradients")):
            self._replicas.together("apply_gradients", self._send_all, list(gradients))

    def _lookup_parts(self) -> list[tuple[str, list[tf.DType]]]:
        """Returns host and types of each part of a batch: one a table and host."""
        parts = []
        for spec in self._specs:
            rows = spec.config.vocabulary_size
            count = len(partition.rows_per_host(rows, len(self.hosts)))
            parts += [(host, shards.DTYPES) for host in self.hosts[:count]]
        return parts

    def _flag_part(self) -> tuple[str, list[tf.DType]]:
        """Returns the part that says whether the batch is for training."""
        return logical_hosts()[0], [tf.bool]

    def _queues(
        self, capacity: int, parts: list[tuple[str, list[tf.DType]]]
    ) -> list[BatchQueue]:
        """Returns a queue for each replica."""
        return [BatchQueue(capacity, parts) for _ in range(self._replicas.count)]

    def _enqueue_all(self, inputs: Any) -> list[None]:
        prepared = [self._prepared(*replica) for replica in inputs]
        # No replica's batch is queued before those of all were found good.
        with tf.control_dependencies(tf.nest.flatten(prepared)):
            for inbox, parts in zip(self._inboxes, prepared, strict=True):
                inbox.enqueue(parts)
        return [None] * self._replicas.count

    def _prepared(self, features: Any, weights: Any, training: Any) -> list[Part]:
        """Checks one replica's batch and splits it by host."""
        with after(*self._shape_checks(features)):
            lookups = [
                lookup_of(*inputs)
                for inputs in zip(self._features, features, weights, strict=True)
            ]
        batch = [
            shards.split_by_host(table, self._stacked(table.spec, lookups))
            for table in self._tables
        ]
        return [*batch_parts(batch), [tf.cast(training, tf.bool)]]

    def _shape_checks(self, features: Sequence[Any]) -> list[Check]:
        """Asserts the shapes of inputs whose static shape does not tell them."""
        checks = []
        for feature, ids, expected in zip(
            self._features, features, self._shapes, strict=True
        ):
            shape = shape_of(feature, ids)
            message = (
                f"Feature '{feature.path}': the engine was built for batches of "
                f"output shape {expected}, got"
            )
            known = tf.get_static_value(shape)
            if known is None:
                fits = tf.reduce_all(tf.equal(shape, expected))
                checks.append(tf.debugging.Assert(fits, [message, shape]))
            elif list(known) != expected:
                raise ValueError(
                    f"{message} {known.tolist()}. Build with that shape, or pad the "
                    "batch."
                )
        return checks

    def _stacked(self, table: TableSpec, lookups: list[Lookup]) -> Lookup:
        """Stacks the features of a table: their activation rows follow each other."""
        rows = [self._rows[feature] for feature in table.features]
        parts = [
            _shifted(lookups[feature], offset)
            for feature, offset in zip(
                table.features, itertools.accumulate(rows, initial=0), strict=False
            )
        ]
        return Lookup(
            *(tf.concat(column, axis=0) for column in zip(*parts, strict=True))
        )

    def _dequeue_all(self) -> list[list[tf.Tensor]]:
        with after(self._check_applied()):
            taken = [inbox.dequeue() for inbox in self._inboxes]
        self._await_if_training(taken)
        return [self._looked_up(self._batch(parts[:-1])) for parts in taken]

    def _check_applied(self) -> Check:
        return tf.debugging.Assert(
            self._awaiting_gradients[0].is_empty(),
            [
                "dequeue was called while the last training batch still awaits its "
                "gradients: call apply_gradients once after each dequeue of a batch "
                "enqueued with training=True."
            ],
        )

    def _await_if_training(self, taken: list[list[Part]]) -> tf.Tensor:
        """Keeps training batches for their gradients; returns whether they are."""

        def keep() -> bool:
            for queue, parts in zip(self._awaiting_gradients, taken, strict=True):
                queue.enqueue(parts[:-1])
            return True

        flags = [parts[-1][0] for parts in taken]
        with after(*self._same_flags(flags)):
            training = tf.identity(flags[0])
        tf.cond(training, keep, lambda: False)
        return training

    def _same_flags(self, flags: list[tf.Tensor]) -> list[Check]:
        if len(flags) == 1:
            return []
        same = tf.equal(tf.reduce_any(flags), tf.reduce_all(flags))
        message = (
            "The replicas' batches of one step differ in `training`: enqueue all of "
            "them with the same value. Got"
        )
        return [tf.debugging.Assert(same, [message, tf.stack(flags)])]

    def _send_all(self, gradients: list[list[tf.Tensor]]) -> list[None]:
        waiting = tf.debugging.Assert(
            tf.logical_not(self._awaiting_gradients[0].is_empty()),
            [
                "apply_gradients was called, but no training batch awaits gradients: "
                "call dequeue once before it, on a batch enqueued with training=True."
            ],
        )
        by_table = [self._table_gradient(table, gradients) for table in self._specs]
        rates = optimizers.learning_rates([spec.optimizer for spec in self._specs])
        with after(waiting, *self._finite_checks(by_table)):
            batches = [
                self._batch(queue.dequeue()) for queue in self._awaiting_gradients
            ]
        self._apply(self._merged(batches), by_table, rates)
        return [None] * self._replicas.count

    def _apply(
        self,
        batch: Batch,
        gradients: Sequence[tf.Tensor],
        rates: Sequence[tf.Tensor],
    ) -> None:
        for update in zip(self._tables, batch, gradients, rates, strict=True):
            shards.update(*update)

    def _table_gradient(
        self, table: TableSpec, gradients: list[list[tf.Tensor]]
    ) -> tf.Tensor:
        """Stacks the gradients of a table's features, replica after replica."""
        return tf.concat(
            [
                tf.reshape(replica[feature], [-1, table.config.dim])
                for replica in gradients
                for feature in table.features
            ],
            axis=0,
        )

    def _finite_checks(self, gradients: Sequence[tf.Tensor]) -> list[Check]:
        return [
            tf.debugging.Assert(
                tf.reduce_all(tf.math.is_finite(gradient)),
                [
                    f"Table '{table.name}': a gradient is NaN or infinite. No table "
                    "was updated, and the batch still awaits its gradients. Mend the "
                    "loss, or give the table the policy drop or oov_row."
                ],
            )
            for table, gradient in zip(self._specs, gradients, strict=True)
            if table.policy == "error"
        ]

    def _activation_rows(self, table: TableSpec) -> int:
        return sum(self._rows[feature] for feature in table.features)

    def _merged(self, batches: list[Batch]) -> Batch:
        """Returns the batches of all replicas as one."""
        merged = []
        for table, *lookups in zip(self._tables, *batches, strict=True):
            rows = self._activation_rows(table.spec)
            own = []
            for host, *parts in zip(table.hosts, *lookups, strict=True):
                with tf.device(host):
                    own.append(shards.merged(parts, rows))
            merged.append(own)
        return merged

    def _looked_up(self, batch: Batch) -> list[tf.Tensor]:
        """Returns the activations of each feature: float32 output shape + [dim]."""
        activations: list[Any] = [None] * len(self._features)
        for table, lookups in zip(self._tables, batch, strict=True):
            spec = table.spec
            stacked = shards.pooled(table, lookups, self._activation_rows(spec))
            parts = tf.split(stacked, [self._rows[f] for f in spec.features])
            for feature, part in zip(spec.features, parts, strict=True):
                shape = [*self._shapes[feature], spec.config.dim]
                activations[feature] = tf.reshape(part, shape)
        return activations

    def _batch(self, parts: Sequence[Part]) -> Batch:
        """Rebuilds a batch from queue elements."""
        flat = iter(parts)
        return [
            [shards.from_queue(next(flat)) for _ in table.hosts]
            for table in self._tables
        ]


def batch_parts(batch: Batch) -> list[Part]:
    """Returns a batch as queue elements: a part for each table and host."""
    return [list(shard) for shard in itertools.chain.from_iterable(batch)]


def _shifted(lookup: Lookup, rows: int) -> Lookup:
    return lookup._replace(segment_ids=lookup.segment_ids + rows)


def _scope(name: str | None, default: str) -> str:
    """Returns a name for ops; the user's is a free label."""
    return re.sub(r"[^\w.]+", "_", name or "").strip("_") or default
