"""Pipelined execution on CPU hosts: lookups one step stale, beside the dense model.

The update of a training batch waits until the next training batch was looked up, whose
lookup sees every update but that one, whether or not enqueue runs ahead. A batch for
inference sees every update. When it does, the next lookup runs while the dense model of
this batch does:

dequeue(n)           hand out the activations of batch n
                     apply the waiting update of batch n - 1
                     look batch n + 1 up, if it is in the inbox
apply_gradients(n)   leave the update of batch n waiting

In a graph the last two steps of dequeue depend on nothing that the dense model makes,
nor it on them: TensorFlow runs them side by side.
"""

import itertools
from collections.abc import Sequence

import tensorflow as tf

from shardline.embedding.host.backend import HostBackend
from shardline.embedding.host.batch_queue import BatchQueue, Part
from shardline.embedding.host.kernels import Batches, Gradients
from shardline.embedding.host.layout import lookups_from_queue
from shardline.embedding.hosts import logical_hosts
from shardline.embedding.inputs.assertions import after
from shardline.embedding.tables.host_table import HostTable


class PipelinedHostBackend(HostBackend):
    """Implements `embedding.backend.Backend` with updates one step late."""

    def initialize(self, output_shapes: Sequence[tf.TensorShape]) -> None:
        """Creates the queues for batches of these shapes."""
        super().initialize(output_shapes)
        lookups, client = self._lookup_parts(), logical_hosts()[0]
        activations = (client, [tf.float32] * len(self._features))
        self._ready = self._queues(1, [*lookups, self._flag_part(), activations])
        # The batches and gradients of all replicas, and the rates of their step.
        replicas = self._replicas.count
        gradients = (client, [tf.float32] * (replicas * len(self._features)))
        rates = (client, [tf.float32] * len(self._specs))
        self._waiting = BatchQueue(1, [*(lookups * replicas), gradients, rates])

    def load(self, tables: Sequence[HostTable]) -> None:
        """Reads and updates these variables from now on; a waiting update is void."""
        super().load(tables)
        if self._is_initialized:
            if not self._waiting.is_empty():
                self._waiting.dequeue()
            for ready in self._ready:
                if not ready.is_empty():
                    ready.enqueue(self._with_activations(ready.dequeue()[:-1]))

    def retrieve(self) -> None:
        """Applies the waiting update."""
        if self._is_initialized:
            self._apply_waiting()

    def _dequeue_all(self) -> list[list[tf.Tensor]]:
        with after(self._check_applied()):
            taken = [
                tf.cond(
                    ready.is_empty(),
                    lambda inbox=inbox: self._with_activations(inbox.dequeue()),
                    ready.dequeue,
                )
                for inbox, ready in zip(self._inboxes, self._ready, strict=True)
            ]
        training = self._await_if_training([parts[:-1] for parts in taken])
        activations = tf.cond(
            training,
            lambda: [parts[-1] for parts in taken],
            lambda: self._up_to_date(taken),
        )
        self._apply_waiting()
        self._look_ahead()
        return [self._shaped(parts) for parts in activations]

    def _up_to_date(self, taken: list[list[Part]]) -> list[list[tf.Tensor]]:
        """Looks inference batches up with every update applied."""
        self._apply_waiting()
        return [self._looked_up(parts[:-2]) for parts in taken]

    def _apply(
        self, batches: Batches, gradients: Gradients, rates: Sequence[tf.Tensor]
    ) -> None:
        """Leaves the update waiting."""
        parts = [list(host) for batch in batches for host in batch]
        flat = list(itertools.chain.from_iterable(gradients))
        self._waiting.enqueue([*parts, flat, list(rates)])

    def _apply_waiting(self) -> None:
        tf.cond(self._waiting.is_empty(), lambda: False, self._apply_taken)

    def _apply_taken(self) -> bool:
        *parts, gradients, rates = self._waiting.dequeue()
        hosts, features = len(self._layout.used_hosts), len(self._features)
        batches = [
            [lookups_from_queue(part) for part in parts[first : first + hosts]]
            for first in range(0, len(parts), hosts)
        ]
        by_replica = [
            self._flat(gradients[first : first + features])
            for first in range(0, len(gradients), features)
        ]
        for rate in rates:
            rate.set_shape([])
        super()._apply(batches, by_replica, rates)
        return True

    def _look_ahead(self) -> None:
        for inbox, ready in zip(self._inboxes, self._ready, strict=True):
            tf.cond(
                inbox.is_empty(),
                lambda: False,
                lambda inbox=inbox, ready=ready: self._move(inbox, ready),
            )

    def _move(self, inbox: BatchQueue, ready: BatchQueue) -> bool:
        ready.enqueue(self._with_activations(inbox.dequeue()))
        return True

    def _with_activations(self, parts: list[Part]) -> list[Part]:
        return [*parts, self._looked_up(parts[:-1])]

    def _shaped(self, activations: list[tf.Tensor]) -> list[tf.Tensor]:
        """Gives activations from a queue their static shapes back."""
        return [
            tf.ensure_shape(part, [*shape, feature.config.table.dim])
            for part, shape, feature in zip(
                activations, self._layout.shapes, self._features, strict=True
            )
        ]
