"""Logical hosts: several TensorFlow CPU devices in one process.

A host is a TensorFlow CPU device that holds a share of every table's rows. One process
has one such device unless it asks for more, before TensorFlow starts its runtime.
"""

import tensorflow as tf


def configure_logical_hosts(count: int) -> list[str]:
    """Makes this process hold `count` logical hosts and returns their devices.

    May be called again with the same count at any time. Starts TensorFlow's runtime.

    Args:
        count: number of hosts, at least 1.

    Returns:
        Device names, host 0 first.

    Raises:
        ValueError: if `count` is below 1.
        RuntimeError: if TensorFlow already runs with fewer CPU devices.
    """
    if count < 1:
        raise ValueError(f"The number of hosts must be at least 1, got {count}.")
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * count
        )
    except RuntimeError:
        # The runtime has started, and what it started with cannot be changed.
        pass
    devices = logical_hosts()
    if len(devices) < count:
        raise RuntimeError(
            f"TensorFlow already runs with {len(devices)} CPU device(s), {count} are "
            "needed. Call configure_logical_hosts before anything else uses TensorFlow."
        )
    return devices[:count]


def logical_hosts() -> list[str]:
    """Returns every logical CPU device of this process, in order."""
    return [device.name for device in tf.config.list_logical_devices("CPU")]
