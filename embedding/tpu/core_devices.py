"""Names of a TPU system's cores, and of the hosts that feed them and hold rows."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class Core(NamedTuple):
    """Where the ids of one core go.

    Attributes:
        host: CPU device of the task that feeds the core.
        ordinal: the core's number among those of its host.
    """

    host: str
    ordinal: int


def core_of(device: str) -> Core:
    """Returns the core that a device name stands for.

    Raises:
        ValueError: if it names no TPU.
    """
    spec = tf.DeviceSpec.from_string(device)
    if spec.device_type != "TPU":
        raise ValueError(
            f"Non-TPU device {device} passed to enqueue. Pass one of "
            "strategy.extended.worker_devices."
        )
    return Core(host_of(device), spec.device_index)


def host_of(device: str) -> str:
    """Returns the CPU device of the task that a device belongs to."""
    spec = tf.DeviceSpec.from_string(device)
    return str(spec.replace(device_type="CPU", device_index=0).to_string())


def hosts_of(devices: Sequence[str]) -> list[str]:
    """Returns the hosts of TPU devices, each once, by replica, task and core."""
    specs = sorted(
        (tf.DeviceSpec.from_string(device) for device in devices),
        key=lambda spec: (spec.replica, spec.task, spec.device_index),
    )
    return list(dict.fromkeys(host_of(spec.to_string()) for spec in specs))


def has_sparse_cores(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether a TPU looks rows up on SparseCores, which have no queue."""
    hardware = strategy.extended.tpu_hardware_feature
    return bool(hardware.embedding_feature == hardware.EmbeddingFeature.V2)


def cores_per_replica_of(strategy: tf.distribute.Strategy) -> int | None:
    """Returns among how many cores a replica's batch is split, None without SPMD."""
    # No public name says how a strategy maps replicas to cores.
    assignment = getattr(strategy.extended, "_device_assignment", None)
    return int(assignment.num_cores_per_replica) if assignment else None


def replica_devices(strategy: tf.distribute.Strategy) -> list[list[str]]:
    """Returns the device names of each replica's cores."""
    if cores_per_replica_of(strategy):
        # Only here does a strategy tell all devices of a replica.
        return [list(devices) for devices in strategy.extended._tpu_devices]
    return [[device] for device in strategy.extended.worker_devices]
