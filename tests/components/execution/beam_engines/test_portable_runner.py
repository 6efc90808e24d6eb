"""`--runner portable`: Prism and Beam's own job server, with worker processes."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import grpc
import pytest
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc
from shardline_tests import load

from shardline.components.execution.beam_engines.errors import BeamEngineError
from shardline.components.execution.beam_engines.portable_runner import _in_words
from shardline.components.execution.beam_engines.probe import check_engine
from shardline.components.execution.beam_runners import Beam, beam_runner

processes = load(Path(__file__).with_name("processes.py"))
every_kind = load(Path(__file__).with_name("every_kind.py"))
pytestmark = [
    pytest.mark.orchestration,
    pytest.mark.timeout(300),
    # Beam's thread that reads messages, where the server goes before it.
    pytest.mark.filterwarnings("ignore:Exception in thread wait_until_finish_read"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def job_server(folder: Path) -> Iterator[str]:
    with processes.job_server(folder) as address:
        yield address


@pytest.fixture(scope="module")
def prism(folder: Path) -> Iterator[str]:
    with processes.prism(folder) as address:
        yield address


@pytest.fixture(scope="module")
def pool(folder: Path) -> Iterator[Any]:
    with processes.worker_pool(folder) as pool:
        yield pool


def on(server: str, pool: Any) -> Beam:
    return beam_runner(
        "portable",
        [
            f"--job_endpoint={server}",
            "--environment_type=EXTERNAL",
            f"--environment_config={pool.address}",
        ],
    )


def newest_state(server: str) -> Any:
    """Returns what a job server says of the job that it was given last."""
    with grpc.insecure_channel(server) as channel:
        stub: Any = beam_job_api_pb2_grpc.JobServiceStub(channel)
        *_, newest = stub.GetJobs(beam_job_api_pb2.GetJobsRequest()).job_info
    return newest.state


@pytest.mark.slow
def test_every_kind_of_feature_is_as_the_local_runner_makes_it(
    prism: str, pool: Any, tmp_path: Path
) -> None:
    local, by_prism = tmp_path / "local", tmp_path / "prism"
    expected = every_kind.preprocess_every_kind(local, beam_runner("direct"))

    found = every_kind.preprocess_every_kind(by_prism, on(prism, pool))

    # A worker for each of three jobs: the probe, the analysis and the transform.
    assert pool.started == 3
    assert found == expected


def test_worker_that_is_killed_is_named(prism: str, pool: Any) -> None:
    # Inside, so that it is sent as it stands: workers do not have this module.
    def kill(_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with (
        pytest.raises(BeamEngineError, match=r"The job has lost a worker .*Run again"),
        on(prism, pool).pipeline() as pipeline,
    ):
        _ = pipeline | beam.Create([0]) | beam.Map(kill)


def test_job_may_take_longer_than_the_way_to_the_server(prism: str) -> None:
    options = [f"--job_endpoint={prism}", "--environment_type=LOOPBACK"]
    runner = beam_runner("portable", [*options, "--job_server_timeout=2"])
    with runner.pipeline() as pipeline:
        _ = pipeline | beam.Create([3]) | beam.Map(time.sleep)
    assert pipeline.result.state == "DONE"


def test_workers_without_the_project_are_named(job_server: str, tmp_path: Path) -> None:
    environment = processes.environment_without_project(tmp_path)
    with (
        processes.worker_pool(tmp_path, "bare", environment) as bare,
        pytest.raises(
            BeamEngineError, match=r"A worker cannot import .*No module named 'shard"
        ),
    ):
        check_engine(on(job_server, bare).pipeline(), str(tmp_path))


def test_workers_that_end_as_they_begin_are_told(
    job_server: str, tmp_path: Path
) -> None:
    (tmp_path / "python").symlink_to("/bin/false")
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    with (
        processes.worker_pool(tmp_path, "dying", environment) as dying,
        pytest.raises(BeamEngineError, match="No worker has done anything in 3 s"),
    ):
        check_engine(on(job_server, dying).pipeline(), str(tmp_path), limit_s=3)
    assert newest_state(job_server) == beam_job_api_pb2.JobState.CANCELLED


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "needs the address of a job server. Give it, as --job_endpoint=HOST:PORT"),
        (
            ["--job_endpoint=localhost:1", "--job_server_timeout=1"],
            "No job server answers at localhost:1, in 1 s",
        ),
    ],
)
def test_server_that_is_not_there_is_told(options: list[str], message: str) -> None:
    with (
        pytest.raises(BeamEngineError, match=message),
        beam_runner("portable", options).pipeline() as pipeline,
    ):
        _ = pipeline | beam.Create([0])


def test_server_that_goes_is_told(tmp_path: Path) -> None:
    class Nowhere:
        address = "localhost:1"

    with (
        processes.prism(tmp_path) as server,
        # Prism ends if it does not reach the pool.
        pytest.raises(BeamEngineError, match=f"job server at {server} has gone: UNAVA"),
        on(server, Nowhere).pipeline() as pipeline,
    ):
        _ = pipeline | beam.Create([0])


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            "Traceback:\n  File x\nValueError: bad\n",
            "The job has failed: ValueError: bad",
        ),
        ("unable", "The job has failed: unable"),
        ("", "The job has failed: ?"),
    ],
)
def test_trace_becomes_a_line(told: str, words: str) -> None:
    assert _in_words(told) == words
