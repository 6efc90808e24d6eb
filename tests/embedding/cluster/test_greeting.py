"""Who says to be a host of this cluster, asked of servers that are and are not."""

import concurrent.futures
from collections.abc import Iterator
from types import ModuleType

import grpc
import pytest
import tensorflow as tf

from shardline.embedding.cluster.greeting import job_name, strangers

WITHIN_S = 30
JOB = job_name("one:1", ["two:2", "three:3"])


@pytest.fixture(scope="module")
def host(processes: ModuleType) -> Iterator[str]:
    """The address of a TensorFlow server that is host 1 of the cluster."""
    ports = processes.free_ports(3)
    addresses = [f"127.0.0.1:{port}" for port in ports]
    spec = tf.train.ClusterSpec({"chief": addresses[:1], JOB: addresses[1:]})
    server = tf.distribute.Server(spec, job_name=JOB, task_index=1)
    yield addresses[2]
    del server


@pytest.fixture(scope="module")
def other() -> Iterator[str]:
    """The address of a gRPC server that is none of TensorFlow."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


def test_host_in_its_place_is_no_stranger(host: str) -> None:
    assert strangers(["127.0.0.1:1", host], JOB, WITHIN_S) == {}


def test_host_in_another_place_is_told(host: str) -> None:
    assert strangers([host], JOB, WITHIN_S) == {0: "it was started as worker 1"}


def test_host_of_another_cluster_is_told(host: str) -> None:
    found = strangers(["127.0.0.1:1", host], "worker_of_another", WITHIN_S)

    assert found.keys() == {1}
    assert "a worker of another cluster" in found[1]


def test_server_that_is_none_of_tensorflow_is_told(other: str) -> None:
    found = strangers([other], JOB, WITHIN_S)

    assert found == {0: "it is a gRPC server, but none of TensorFlow"}


@pytest.mark.parametrize(
    ("chief", "workers"),
    [
        ("other:1", ["two:2", "three:3"]),
        ("one:1", ["three:3", "two:2"]),
        ("one:1", ["two:2"]),
    ],
)
def test_cluster_of_other_addresses_has_another_name(
    chief: str, workers: list[str]
) -> None:
    assert job_name(chief, workers) != JOB == job_name("one:1", ["two:2", "three:3"])
