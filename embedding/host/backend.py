"""The engine on CPUs: rows split over hosts, each host pools and updates its own rows.

enqueue   splits the ids by host and queues the result
dequeue   each host pools its own rows; the partial sums are added up
send      each host sums the gradients of its own rows and updates them in place

The work itself is that of `embedding.host.kernels`; here is the order of calls.

The inbox lets input work run ahead of the step: enqueue blocks when it is full, dequeue
when it is empty. A second queue holds the training batch that was dequeued and awaits
its gradients. `embedding.host.pipelined` adds execution one step stale.
"""

import dataclasses
import itertools
import re
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.checkpoint.sets.cut import Cut
from shardline.embedding.config import optimizers
from shardline.embedding.config.shapes import Shapes
from shardline.embedding.config.specs import FeatureSpec, TableSpec
from shardline.embedding.host.batch_queue import BatchQueue, Part
from shardline.embedding.host.kernels import Batches, Gradients, Kernels, kernels_for
from shardline.embedding.host.layout import (
    LOOKUP_DTYPES,
    HostLayout,
    HostLookups,
    lookups_from_queue,
)
from shardline.embedding.host.native_cut import NativeCut
from shardline.embedding.host.replicas import Replicas
from shardline.embedding.host.row_trackers import RowTrackers
from shardline.embedding.hosts import logical_hosts
from shardline.embedding.inputs.assertions import Check, after
from shardline.embedding.tables.host_table import HostTable
from shardline.embedding.tables.variables_cut import VariablesCut

_INBOX_BATCHES = 4


class HostBackend:
    """Implements `embedding.backend.Backend` on TensorFlow CPU devices.

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
            replicas: the replicas of the strategy that the engine was created under.
        """
        self._features = features
        self._specs = tables
        self.hosts = list(hosts)
        self.owns_tables = False
        self._replicas = replicas
        self._tables: Sequence[HostTable] = []
        self._layout: HostLayout
        self._kernels: Kernels
        self._inboxes: list[BatchQueue] = []
        self._awaiting_gradients: list[BatchQueue] = []
        self._is_initialized = False

    def shapes_of_core(self, shapes: Shapes, inputs: Sequence[Any]) -> Shapes:
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
            self._kernels.prepare(tables)
            for queue in self._awaiting_gradients:
                if not queue.is_empty():
                    queue.dequeue()

    def retrieve(self) -> None:
        """Does nothing: the variables are the tables."""

    def touched_rows(self) -> dict[str, int] | None:
        """Returns how many rows of each table were touched; None if that is unknown."""
        if not self._trackers:
            return None
        rows: dict[str, int] = {}
        for host in self._trackers:
            for table, count in host.touched_rows().items():
                rows[table] = rows.get(table, 0) + count
        return rows

    def touch_all_rows(self) -> None:
        """Counts all rows as touched; a cut that is being written is void."""
        for host in self._trackers:
            host.set_touched(True)

    def forget_touched_rows(self) -> None:
        """Takes note that a set holds all rows as they are."""
        for host in self._trackers:
            host.set_touched(False)

    def cut(self, differential: bool, spill_folder: str) -> Cut:
        """Begins a cut; without trackers the tables must lie still until it ends.

        Raises:
            ValueError: if `differential` is asked where rows are not tracked.
        """
        if self._trackers:
            return NativeCut(self._trackers, differential, spill_folder)
        return VariablesCut(self._tables, differential=differential, in_pause=True)

    def initialize(self, output_shapes: Sequence[tf.TensorShape]) -> None:
        """Creates the queues for batches of these shapes."""
        features = [
            dataclasses.replace(feature, built_shape=shape)
            for feature, shape in zip(self._features, output_shapes, strict=True)
        ]
        self._layout = HostLayout(features, self._specs, self.hosts)
        self._kernels = kernels_for(self._layout)
        lookups = self._lookup_parts()
        self._inboxes = self._queues(_INBOX_BATCHES, [*lookups, self._flag_part()])
        self._awaiting_gradients = self._queues(1, lookups)
        self._is_initialized = True
        if self._tables:
            self._kernels.prepare(self._tables)

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

    @property
    def _trackers(self) -> list[RowTrackers]:
        return self._kernels.trackers if self._is_initialized else []

    def _lookup_parts(self) -> list[tuple[str, list[tf.DType]]]:
        """Returns host and types of each part of a batch: one a host."""
        return [(host, LOOKUP_DTYPES) for host in self._layout.used_hosts]

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
        self._layout.check_shapes(features)
        batch = self._kernels.partition(features, weights)
        return [*map(list, batch), [tf.cast(training, tf.bool)]]

    def _dequeue_all(self) -> list[list[tf.Tensor]]:
        with after(self._check_applied()):
            taken = [inbox.dequeue() for inbox in self._inboxes]
        self._await_if_training(taken)
        return [self._looked_up(parts[:-1]) for parts in taken]

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
        by_replica = [self._flat(replica) for replica in gradients]
        rates = optimizers.learning_rates([spec.optimizer for spec in self._specs])
        with after(waiting, *self._kernels.finite_checks(by_replica)):
            batches = [_batch(queue.dequeue()) for queue in self._awaiting_gradients]
        self._apply(batches, by_replica, rates)
        return [None] * self._replicas.count

    def _apply(
        self, batches: Batches, gradients: Gradients, rates: Sequence[tf.Tensor]
    ) -> None:
        self._kernels.update(self._tables, batches, gradients, rates)

    def _flat(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        """Returns gradients as the kernels take them: [activation rows, dim]."""
        return [
            tf.reshape(gradient, [rows, feature.config.table.dim])
            for gradient, rows, feature in zip(
                gradients, self._layout.activation_rows, self._features, strict=True
            )
        ]

    def _looked_up(self, parts: Sequence[Part]) -> list[tf.Tensor]:
        """Returns the activations of each feature: float32 output shape + [dim]."""
        activations = self._kernels.lookup(self._tables, _batch(parts))
        return [
            tf.reshape(activation, [*shape, feature.config.table.dim])
            for activation, shape, feature in zip(
                activations, self._layout.shapes, self._features, strict=True
            )
        ]


def _batch(parts: Sequence[Part]) -> list[HostLookups]:
    """Returns the lookups of all hosts from queue elements."""
    return [lookups_from_queue(part) for part in parts]


def _scope(name: str | None, default: str) -> str:
    """Returns a name for ops; the user's is a free label."""
    return re.sub(r"[^\w.]+", "_", name or "").strip("_") or default
