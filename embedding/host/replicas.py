"""The replicas of the distribution strategy that an engine was created under.

Outside of any strategy there is one replica. Under a strategy of several, such as
`tf.distribute.MirroredStrategy`, each feeds batches of its own and gets activations of
its own; tables are shared, and a step of the engine is one step of all replicas.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.inputs.structure import of_replica


class Replicas:
    """Splits values by replica, and brings calls of all replicas together."""

    def __init__(self, strategy: tf.distribute.Strategy):
        """Takes a strategy whose replicas all live in this process.

        Args:
            strategy: the strategy in whose scope the engine is created.

        Raises:
            NotImplementedError: if replicas run in other processes.
        """
        self._strategy = strategy
        self.count = int(strategy.num_replicas_in_sync)
        self._devices: list[str] = []
        if self.count > 1:
            self._devices = list(strategy.extended.worker_devices)
            if len(self._devices) != self.count:
                raise NotImplementedError(
                    f"{type(strategy).__name__} has {self.count} replicas in several "
                    "processes, each with tables of its own. To train over several "
                    "machines pass the tasks of a cluster as `hosts` instead."
                )

    def index_of(self, device: str) -> int:
        """Returns which replica a device belongs to.

        Raises:
            ValueError: if it belongs to none.
        """
        spec = tf.DeviceSpec.from_string(device)
        for index, name in enumerate(self._devices):
            full = tf.DeviceSpec.from_string(name)
            if full.make_merged_spec(spec) == full:
                return index
        raise ValueError(
            f"device={device!r} belongs to no replica: the engine was created under "
            f"{self.count} replica(s) {self._devices}. Pass one of these, or leave "
            f"device at None. (Non-TPU device {device} passed to enqueue.)"
        )

    def current(self) -> int | None:
        """Returns the replica that this code runs for; None outside `strategy.run`."""
        if self.count == 1:
            return 0
        context = tf.distribute.get_replica_context()
        if context is None or context.strategy is not self._strategy:
            return None
        # A number, or in some strategies a constant tensor.
        return int(tf.get_static_value(context.replica_id_in_sync_group))

    def local_values(self, values: Sequence[Any]) -> list[list[Any]]:
        """Returns each replica's share of values: one list a replica.

        A value that is not distributed goes to every replica as it is.

        Raises:
            ValueError: if values are distributed to another number of replicas.
        """
        for value in values:
            if isinstance(value, tf.distribute.DistributedValues):
                replicas = len(value.values)
                if replicas != self.count:
                    raise ValueError(
                        f"The batch is for {replicas} replicas, the engine for "
                        f"{self.count}. Create the engine inside strategy.scope()."
                    )
        return [of_replica(values, replica) for replica in range(self.count)]

    def together(
        self, method: str, function: Callable[[list[Any]], list[Any]], argument: Any
    ) -> Any:
        """Calls a function once for all replicas, and returns this replica's result.

        Args:
            method: what the user called, for messages.
            function: takes the arguments of all replicas, returns a result for each.
            argument: the argument of this replica.

        Raises:
            RuntimeError: outside `strategy.run` of a strategy with several replicas,
                or in control flow or a `tf.function` inside of it.
        """
        replica = self.current()
        if replica is None:
            raise RuntimeError(
                f"{method} must be called inside strategy.run: the engine was created "
                f"under a strategy of {self.count} replicas."
            )
        if self.count == 1:
            return function([argument])[0]

        def merged(strategy: Any, *flat: Any) -> list[Any]:
            arguments = [
                tf.nest.pack_sequence_as(argument, share, expand_composites=False)
                for share in self.local_values(flat)
            ]
            return function(arguments)

        context = tf.distribute.get_replica_context()
        try:
            results = context.merge_call(merged, args=tf.nest.flatten(argument))
        except RuntimeError as error:
            if "called while defining a new graph" not in str(error):
                raise
            raise RuntimeError(
                f"{method} was called inside control flow or a tf.function inside "
                "strategy.run. Call it in the function that strategy.run gets. (Its "
                "graph does not match graph which contains TPUReplicateContext, as "
                "TensorFlow's class says.)"
            ) from error
        return results[replica]
