"""Logical hosts: several TensorFlow CPU devices in one process.

A host is a TensorFlow CPU device that holds a share of every table's rows. One process
has one such device unless it asks for more, before TensorFlow starts its runtime.
"""

from collections.abc import Sequence

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
    """Returns every logical CPU device of this process, in order, by its full name."""
    first = _first_device()
    return [
        name
        for name in _cpu_devices()
        if tf.DeviceSpec.from_string(name).replace(device_index=0) == first
    ]


def task_of(device: str) -> str:
    """Returns the process that a device belongs to, as the device's name tells it."""
    spec = tf.DeviceSpec.from_string(device)
    name: str = spec.replace(device_type=None, device_index=None).to_string()
    return name


def _first_device() -> tf.DeviceSpec:
    """Returns the first CPU device of this process."""
    with tf.init_scope(), tf.device("/CPU:0"):
        return tf.DeviceSpec.from_string(tf.constant(0).device)


def _cpu_devices() -> list[str]:
    """Returns the full names of all CPU devices, those of a connected cluster too."""
    first = _first_device()
    return [
        first.make_merged_spec(tf.DeviceSpec.from_string(device.name)).to_string()
        for device in tf.config.list_logical_devices("CPU")
    ]


def checked_hosts(hosts: Sequence[str] | None) -> list[str]:
    """Returns full device names; refuses what TensorFlow would place elsewhere.

    Args:
        hosts: names of CPU devices, of this process or of a connected cluster; None
            for every logical CPU of this process.

    Raises:
        ValueError: if a device is not known.
    """
    if hosts is None:
        return logical_hosts()
    known, first = _cpu_devices(), _first_device()
    if isinstance(hosts, str) or not hosts:
        raise ValueError(f"hosts must be a list of device names, got {hosts!r}.")
    names = [
        first.make_merged_spec(tf.DeviceSpec.from_string(host)).to_string()
        for host in hosts
    ]
    unknown = [
        host for host, name in zip(hosts, names, strict=True) if name not in known
    ]
    if unknown:
        raise ValueError(
            f"hosts {unknown} are not among the known CPU devices: {known}. Call "
            "configure_logical_hosts with the number you need, or connect to the "
            "cluster first."
        )
    return names
