"""What the engine asks of the machinery below it.

The engine owns the contract: structures, shapes, the order of calls. A backend owns the
devices: where rows lie, how batches reach them, how lookups and updates run. Lists run
over the features, or the tables, in their flattened order.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf

from shardline.embedding.checkpoint.sets.cut import Cut
from shardline.embedding.config.shapes import Shapes
from shardline.embedding.tables.host_table import HostTable


class Backend(Protocol):
    """Looks up and updates the tables of one engine.

    Attributes:
        hosts: TensorFlow CPU devices that hold the rows, host 0 first.
        owns_tables: whether the rows live in the device. They exist then only in an
            initialised system, and variables are up to date only after `retrieve`.
    """

    hosts: list[str]
    owns_tables: bool

    def shapes_of_core(self, shapes: Shapes, inputs: Sequence[Any]) -> Shapes:
        """Returns one core's share of the output shapes of one replica's batch.

        Args:
            shapes: the shapes of the replica's activations.
            inputs: the replica's batch, which may be one that cores cannot share.
        """

    def shape_of_replica(self, shape: tf.TensorShape) -> tf.TensorShape:
        """Returns the activations' shape of a replica from one core's output shape."""

    def initialize(self, output_shapes: Sequence[tf.TensorShape]) -> None:
        """Prepares for batches; called once, outside any graph that is traced.

        Args:
            output_shapes: fully defined shape of each feature's activations for one
                core, without the last dimension, the table's dim.
        """

    def load(self, tables: Sequence[HostTable]) -> None:
        """Takes the tables' values over: after creation, and after a restore."""

    def retrieve(self) -> None:
        """Brings the tables' variables up to date, before they are saved or read."""

    def touched_rows(self) -> dict[str, int] | None:
        """Returns how many rows of each table were touched since the last cut.

        All of them while no set is known to hold them. None: rows are not tracked.
        """

    def touch_all_rows(self) -> None:
        """Takes note that rows get other values: all are touched, a cut is void."""

    def forget_touched_rows(self) -> None:
        """Takes note that a set holds all rows as they are: none counts as touched."""

    def cut(self, differential: bool, spill_folder: str) -> Cut:
        """Begins a cut of the tables, whose variables are up to date.

        Args:
            differential: whether to store only rows touched since the cut before.
            spill_folder: where the hosts keep rows that do not fit into memory until
                they are written.

        Raises:
            ValueError: if `differential` is asked where rows are not tracked.
            tf.errors.FailedPreconditionError: if the cut before is not ended.
        """

    def enqueue(
        self,
        features: Sequence[Any],
        weights: Sequence[Any],
        training: Any,
        *,
        name: str | None,
        device: str | None,
    ) -> None:
        """Queues the ids of one batch; may block while the queue is full.

        Args:
            features: ids of each feature, or `tf.distribute.DistributedValues` of them.
            weights: None, or the weights of each feature, likewise.
            training: bool, Python's or a scalar tensor; whether gradients will follow.
            name: label that pairs the calls of one step, or None.
            device: the core, or replica device, that the batch is for; None when
                the values are distributed, or inside `strategy.run`.
        """

    def dequeue(self, *, name: str | None) -> list[tf.Tensor]:
        """Returns this replica's activations of the oldest queued batch, waiting."""

    def send_gradients(
        self, gradients: Sequence[tf.Tensor], *, name: str | None
    ) -> None:
        """Sends this replica's gradients of the last training batch dequeued.

        Gradients of all replicas are added up; each touched row is updated once.
        """
