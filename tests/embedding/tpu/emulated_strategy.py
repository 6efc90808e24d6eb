"""A strategy whose cores are logical CPUs, with the emulated engine of a TPU beneath.

The engine's graphs, and what a training builds around them, are those for a TPU. Stood
in for is what only a chip has: replicas run on logical CPUs, by MirroredStrategy, and
the ops of TPU embedding by the kernels of `emulator/`. One of the process's first CPUs
is a host, and each core is fed by one of them.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any
from unittest import mock

import tensorflow as tf
from tensorflow.core.protobuf.tpu import topology_pb2

from shardline.embedding import backend_choice
from shardline.embedding.tpu import core_devices

_CPU = "/job:localhost/replica:0/task:0/device:CPU:{}"


class EmulatedTPUStrategy(tf.distribute.MirroredStrategy):  # type: ignore[misc]
    """One replica for each core."""

    def __init__(self, cores: int):
        """Takes the first CPUs for cores."""
        # Collectives on CPUs wait for each other in an order that is not fixed.
        super().__init__(
            [_CPU.format(core) for core in range(cores)],
            cross_device_ops=tf.distribute.ReductionToOneDevice(),
        )
        hardware = topology_pb2.TPUHardwareFeature
        self.extended.tpu_hardware_feature = hardware(embedding_feature=hardware.V1)

    def run(self, fn: Any, args: Any = (), *others: Any, **options: Any) -> Any:
        """Runs a program that starts, as on a chip, once all its inputs are there.

        Else the one after the last batch would wait for ids until the emulated engine
        calls that a deadlock.
        """

        def started(*inputs: Any, **named: Any) -> Any:
            tensors = tf.nest.flatten(inputs, expand_composites=True)
            with tf.control_dependencies(list(filter(tf.is_tensor, tensors))):
                return fn(*inputs, **named)

        return super().run(started, args, *others, **options)


@dataclasses.dataclass(frozen=True)
class EmulatedTPU:
    """A TPU of this process.

    Attributes:
        library: the emulated engine.
        hosts: how many hosts it has.
        cores: how many cores they have together.
    """

    library: Any
    hosts: int
    cores: int

    def strategy(self, *_: Any) -> EmulatedTPUStrategy:
        """Returns a strategy over all cores; what the TPU held is gone."""
        self.library.emulator_reset()
        return EmulatedTPUStrategy(self.cores)

    def host_of(self, device: str) -> str:
        """Returns the host that feeds a core."""
        return _CPU.format(self._core(device) * self.hosts // self.cores)

    def core_of(self, device: str) -> core_devices.Core:
        """Returns the core that a device stands for."""
        ordinal = self._core(device) % (self.cores // self.hosts)
        return core_devices.Core(self.host_of(device), ordinal)

    def _core(self, device: str) -> int:
        return int(tf.DeviceSpec.from_string(device).device_index)


@contextlib.contextmanager
def emulated(library: Any, hosts: int = 1, cores: int = 2) -> Iterator[EmulatedTPU]:
    """Has this process hold a TPU.

    Args:
        library: the emulated engine.
        hosts: of the TPU.
        cores: of all hosts together; at most the CPUs of this process.
    """
    tpu = EmulatedTPU(library, hosts, cores)
    with (
        mock.patch.object(core_devices, "host_of", tpu.host_of),
        mock.patch.object(core_devices, "core_of", tpu.core_of),
        mock.patch.object(backend_choice, "_TPU_STRATEGIES", (EmulatedTPUStrategy,)),
    ):
        yield tpu
