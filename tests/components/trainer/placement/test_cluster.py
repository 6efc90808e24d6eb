"""The Trainer's cluster: connected, its workers asked what they are, its losses named.

That trainings survive and give the numbers of logical hosts is shown by whole runs:
`pipeline/runners/test_cluster_run.py`.
"""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.trainer.placement.cluster import (
    ClusterHosts,
    OtherKernelsError,
)
from shardline.embedding.cluster import Cluster, HostLostError, WrongHostError
from shardline.embedding.native.library import missing_reason

pytestmark = pytest.mark.orchestration
processes = load("embedding/cluster/processes.py")
CHIEF = Path(__file__).with_name("chief_program.py")


@contextlib.contextmanager
def started(folder: Path, workers: int = 2) -> Iterator[Any]:
    """A chief that waits for its word, and its workers."""
    made = processes.TestCluster(workers, folder, CHIEF)
    try:
        yield made
    finally:
        made.close()


def test_training_runs_on_the_workers(tmp_path: Path) -> None:
    with started(tmp_path) as made:
        result, told = made.ask("train", within_s=processes.START_WITHIN_S)

        assert result == 8.0
        addresses = f"{made.address(0)}, {made.address(1)}"
        assert told[0] == f"connects to 2 workers: {addresses}"


def test_remedy_for_a_lost_worker_is_a_command() -> None:
    (port,) = processes.free_ports(1)
    address = f"127.0.0.1:{port}"
    placed = ClusterHosts(Cluster("127.0.0.1:1", (address,), "chief", 0))

    def fail() -> None:
        raise tf.errors.UnavailableError(None, None, "socket closed")

    message = f"worker 0 at {address}: .* by `shardline worker CONFIG --index N`"
    with pytest.raises(HostLostError, match=message):
        placed.run(fail)


@pytest.mark.skipif(bool(missing_reason()), reason="needs native kernels")
@pytest.mark.parametrize("whose", ["theirs", "none"])
def test_worker_with_other_kernels_is_named(tmp_path: Path, whose: str) -> None:
    with started(tmp_path) as made:
        if whose == "none":
            made.kill_host(1)
            made.start_host(1, SHARDLINE_KERNELS="stock")
        name = "train" if whose == "none" else "with_other_kernels"
        with pytest.raises(OtherKernelsError) as raised:
            made.ask(name, within_s=processes.START_WITHIN_S)

    named = [f"worker {at} at {made.address(at)}" for at in (0, 1)]
    assert str(raised.value).startswith(
        f"{named[1] if whose == 'none' else ', '.join(named)}: the native kernels there"
    )


def test_worker_in_the_place_of_another_is_named(tmp_path: Path) -> None:
    with started(tmp_path) as made:
        for host in (0, 1):
            made.kill_host(host)
        made.ports[1:] = reversed(made.ports[1:])  # as the chief does not have them
        for host in (0, 1):
            made.start_host(host)
        with pytest.raises(WrongHostError, match="2 of 2 workers are not what they"):
            made.ask("train", within_s=processes.START_WITHIN_S)


def test_chief_whose_port_is_taken_says_so(tmp_path: Path) -> None:
    with started(tmp_path, workers=1) as made, socket.socket() as taken:
        taken.bind(("", made.ports[0]))
        taken.listen()
        with pytest.raises(RuntimeError, match="Is its port taken"):
            made.ask("train", within_s=processes.START_WITHIN_S)
