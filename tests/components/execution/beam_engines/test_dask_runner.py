"""`--runner dask`, on a cluster of processes on this machine."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from distributed import Client
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker, WorkerState
from shardline_tests import load

from shardline.components.execution.beam_engines import dask_runner, probe
from shardline.components.execution.beam_engines.errors import BeamEngineError
from shardline.components.execution.beam_runners import Beam, beam_runner

processes = load(Path(__file__).with_name("processes.py"))
every_kind = load(Path(__file__).with_name("every_kind.py"))
pytestmark = [pytest.mark.orchestration, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with processes.dask_scheduler(tmp_path_factory.mktemp("dask")) as scheduler:
        yield scheduler


@pytest.fixture(scope="module")
def workers(scheduler: Any) -> Iterator[Any]:
    """Two worker processes, which run until the first of them is killed."""
    with scheduler.worker("first") as first, scheduler.worker("second") as second:
        yield first, second


def on(scheduler: Any, *options: str) -> Beam:
    return beam_runner("dask", [f"--dask_client_address={scheduler.address}", *options])


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the local runner writes."""
    folder = tmp_path_factory.mktemp("direct")
    return every_kind.preprocess_every_kind(folder, beam_runner("direct"))


@pytest.mark.slow
def test_every_kind_of_feature_is_as_the_local_runner_makes_it(
    scheduler: Any, workers: Any, expected: Any, tmp_path: Path
) -> None:
    found = every_kind.preprocess_every_kind(tmp_path, on(scheduler))

    assert found == expected
    assert found["examples"].total() == every_kind.ROWS


def test_what_a_step_raises_is_told_with_its_name(scheduler: Any, workers: Any) -> None:
    with (
        pytest.raises(ZeroDivisionError, match=r"while running 'Divide'"),
        on(scheduler).pipeline() as pipeline,
    ):
        _ = pipeline | beam.Create([0]) | "Divide" >> beam.Map(lambda n: 1 // n)


def test_job_that_is_given_up_leaves_no_client(
    scheduler: Any, workers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(*_: Any) -> None:
        import time

        time.sleep(3)

    monkeypatch.setattr(probe, "_look", sleep)
    with pytest.raises(BeamEngineError, match="No worker has done anything in 1 s"):
        probe.check_engine(on(scheduler).pipeline(), str(tmp_path), limit_s=1)

    with Client(scheduler.address) as client:
        told = client.run_on_scheduler(
            lambda dask_scheduler: list(dask_scheduler.clients)
        )
        tasks = client.run_on_scheduler(
            lambda dask_scheduler: list(dask_scheduler.tasks)
        )
    assert [one for one in told if one not in (client.id, "fire-and-forget")] == []
    assert tasks == []


@pytest.mark.slow
def test_workers_that_are_killed_in_the_middle_are_made_up_for(
    scheduler: Any, workers: Any, expected: Any, tmp_path: Path
) -> None:
    steps = {"Count", "TransformUnit"}
    killing = every_kind.Killing(on(scheduler).pipeline, steps, tmp_path)

    with scheduler.worker("third") as third:
        found = every_kind.preprocess_every_kind(tmp_path / "job", Beam(killing, 4))

        ends = [worker.process.poll() for worker in (*workers, third)]

    assert all((tmp_path / step).exists() for step in steps)
    assert ends.count(-signal.SIGKILL) == 2
    assert found == expected


def test_worker_without_the_project_is_named(scheduler: Any, tmp_path: Path) -> None:
    environment = processes.environment_without_project(tmp_path)
    with scheduler.worker("bare", environment) as bare:
        processes.wait_until(lambda: "Registered" in bare.log.read_text(), "no worker")
        with (
            pytest.raises(BeamEngineError, match=r"cannot import this project: Module"),
            on(scheduler).pipeline() as pipeline,
        ):
            _ = pipeline | beam.Create([0])


def test_cluster_without_workers_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_runner, "_WITHOUT_WORKERS_S", 0.2)
    with (
        processes.dask_scheduler(tmp_path) as alone,
        pytest.raises(BeamEngineError, match=r"has had no worker for 0 s\. Start some"),
        on(alone).pipeline() as pipeline,
    ):
        _ = pipeline | beam.Create([0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], r"needs the address of a scheduler. Give it, as --dask_client_address"),
        (
            ["--dask_client_address=tcp://127.0.0.1:1", "--dask_connection_timeout=1"],
            r"No Dask scheduler answers at tcp://127.0.0.1:1: .*Start one",
        ),
    ],
)
def test_scheduler_that_is_not_there_is_told(options: list[str], message: str) -> None:
    with (
        pytest.raises(BeamEngineError, match=message),
        beam_runner("dask", options).pipeline() as pipeline,
    ):
        _ = pipeline | beam.Create([0])


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            KilledWorker("key", WorkerState(
                address="tcp://127.0.0.1:7", status="running", pid=1, name="w",
                nthreads=1, memory_limit=0, local_directory="", nanny="",
                server_id="w", services={}, versions={}, extra={}, scheduler=None,
            ), 4),
            "ended each worker .* last was tcp://127.0.0.1:7.*want of memory",
        ),
        (FutureCancelledError("key", "lost"), "The Dask cluster has lost the job"),
        (ModuleNotFoundError("No module named 'a'"), "A worker cannot import .*'a'"),
    ],
)  # fmt: skip
def test_what_a_cluster_says_of_itself_is_told_in_words(
    error: Exception, message: str
) -> None:
    with pytest.raises(BeamEngineError, match=message), dask_runner._engine_errors():
        raise error
