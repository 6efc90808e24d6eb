"""A TPU strategy whose TPUs have names only: graphs can be built, not run."""

import collections
import functools

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.tpu import topology_pb2

_Device = collections.namedtuple("_Device", ["name", "device_type"])


class FakeResolver(tf.distribute.cluster_resolver.ClusterResolver):
    """Describes a TPU system of `hosts` tasks with `cores` TPU cores each."""

    def __init__(
        self, hosts: int, cores: int, sparse_cores: int = 0, job: str = "worker"
    ):
        names = [
            f"/job:{job}/replica:0/task:{task}/device:{kind}:{index}"
            for task in range(hosts)
            for kind, count in (("CPU", 1), ("TPU_SYSTEM", 1), ("TPU", cores))
            for index in range(count)
        ]
        self._metadata = tf.tpu.experimental.TPUSystemMetadata(
            num_cores=hosts * cores,
            num_hosts=hosts,
            num_of_cores_per_host=cores,
            topology=None,
            devices=[_Device(name, name.split(":")[-2]) for name in names],
        )
        self._job = job
        feature = topology_pb2.TPUHardwareFeature
        self.tpu_hardware_feature = feature(
            embedding_feature=feature.V2 if sparse_cores else feature.V1,
            num_embedding_devices_per_chip=sparse_cores,
        )

    def get_tpu_system_metadata(self):
        return self._metadata

    def get_job_name(self) -> str:
        return self._job

    def cluster_spec(self):
        return tf.train.ClusterSpec({})

    def master(self, *args, **kwargs) -> str:
        return ""

    def num_accelerators(self, *args, **kwargs) -> dict[str, int]:
        return {"TPU": self._metadata.num_of_cores_per_host}


@functools.cache
def strategy(hosts: int = 1, cores: int = 2, sparse_cores: int = 0):
    """Returns a TPUStrategy of one replica a core."""
    return tf.distribute.TPUStrategy(FakeResolver(hosts, cores, sparse_cores))


@functools.cache
def local_strategy(hosts: int, cores: int):
    """Returns a TPUStrategy whose tasks have the name of this process's first task."""
    return tf.distribute.TPUStrategy(FakeResolver(hosts, cores, job="localhost"))


@functools.cache
def spmd_strategy(hosts: int = 1, cores: int = 4, cores_per_replica: int = 2):
    """Returns a TPUStrategy that splits each replica over several cores."""
    coordinates = np.array(
        [
            [[index // 2, task, 0, index % 2] for index in range(cores)]
            for task in range(hosts)
        ],
        np.int32,
    )
    topology = tf.tpu.experimental.Topology(
        mesh_shape=[max(cores // 2, 1), hosts, 1, 2], device_coordinates=coordinates
    )
    assignment = tf.tpu.experimental.DeviceAssignment.build(
        topology,
        computation_shape=[1, 1, 1, cores_per_replica],
        num_replicas=hosts * cores // cores_per_replica,
    )
    return tf.distribute.TPUStrategy(
        FakeResolver(hosts, cores),
        experimental_device_assignment=assignment,
        experimental_spmd_xla_partitioning=True,
    )
