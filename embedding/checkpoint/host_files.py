"""Checkpoints with a data file for each host, written by that host.

`tf.train.Checkpoint` groups tensors into files by task, so that the logical hosts of
one process would share a file. The callback here groups them by device.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


class _OneFilePerHost(tf.train.experimental.ShardingCallback):  # type: ignore[misc]
    """Puts what lies on each device into a file of its own."""

    @property
    def description(self) -> str:
        """What TensorFlow's messages call this callback."""
        return "one data file for each host"

    def __call__(self, shardable_tensors: Sequence[Any]) -> list[dict[str, Any]]:
        files: dict[str, dict[str, Any]] = {}
        for shardable in shardable_tensors:
            tensors = files.setdefault(shardable.device.to_string(), {})
            slices = tensors.setdefault(shardable.checkpoint_key, {})
            slices[shardable.slice_spec] = shardable.tensor
        return [files[device] for device in sorted(files)]


def host_sharded_options() -> tf.train.CheckpointOptions:
    """Returns options that make `tf.train.Checkpoint` write one data file a host.

    Tables and slots go to the file of the host that holds the rows, everything else to
    host 0's. Restoring needs no options, and no equal number of hosts.
    """
    return tf.train.CheckpointOptions(experimental_sharding_callback=_OneFilePerHost())
