"""Host-sharded tables: each host's rows of parameters and slots are variables there.

Variables are TensorFlow's own `ShardedVariable`, so `tf.train.Checkpoint` writes one
logical tensor for each table and slot and can restore it onto any number of hosts.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

# TensorFlow's sharded variable is not exported, and nothing exported replaces it:
# it is what makes a checkpoint independent of the number of hosts.
from tensorflow.python.distribute.sharded_variable import ShardedVariable

from embedding import optimizers, partition
from embedding.specs import TableSpec


class HostTable:
    """One table and its slots over the hosts.

    Attributes:
        spec: the table's configuration.
        starts: the first row of each shard.
        parameters: float32 [vocabulary_size, dim], sharded by rows.
        slots: by slot name, sharded like `parameters`.
    """

    def __init__(self, spec: TableSpec, hosts: Sequence[str]):
        """Creates and initialises the variables.

        Initial values do not depend on the number of hosts: the initializer makes the
        whole table, of which each host keeps its range. Takes twice the table's memory
        while it does so.

        Args:
            spec: the table's configuration.
            hosts: TensorFlow devices, host 0 first.
        """
        self.spec = spec
        rows = spec.config.vocabulary_size
        self.starts = partition.first_rows(rows, len(hosts))
        self.hosts = list(hosts[: len(self.starts)])
        self.parameters = self._variable(spec.name, spec.config.initializer)
        self.slots = {
            slot: self._variable(
                f"{spec.name}/{slot}", tf.constant_initializer(initial_value)
            )
            for slot, initial_value in optimizers.slot_initial_values(
                spec.optimizer
            ).items()
        }

    def shards(self) -> list[tuple[str, tf.Variable, tuple[tf.Variable, ...]]]:
        """Returns each shard's (host, parameters, slots)."""
        slots = zip(*(slot.variables for slot in self.slots.values()), strict=True)
        return list(
            zip(
                self.hosts,
                self.parameters.variables,
                list(slots) or [()] * len(self.hosts),
                strict=True,
            )
        )

    def _variable(self, name: str, initializer: Any) -> ShardedVariable:
        config = self.spec.config
        shape = [config.vocabulary_size, config.dim]
        with tf.device(self.hosts[0]):
            values = initializer(shape, dtype=tf.float32)
        sizes = partition.rows_per_host(config.vocabulary_size, len(self.hosts))
        shards = []
        for part, (host, shard) in enumerate(
            zip(self.hosts, tf.split(values, sizes), strict=True)
        ):
            with tf.device(host):
                shards.append(tf.Variable(shard, name=f"{name}/part_{part}"))
        return ShardedVariable(shards, name=name)
