"""Worker processes: they do the work, a dead one is named, and none is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import psutil
import pytest

from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.execution.worker_processes import handler
from shardline.components.execution.worker_processes.number import worker_options
from shardline.components.execution.worker_processes.runner import (
    WorkerKilledError,
    WorkerProcessError,
    saying_none,
)
from shardline.pipeline.runners.passing import CAN_PASS, exit_code_of_error

pytestmark = pytest.mark.orchestration
WITHIN_S = 120
KILLED_PROGRAM = Path(__file__).with_name("killed_program.py")


@pytest.fixture(autouse=True)
def _little_preloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets workers import what they need, which is little here."""
    monkeypatch.setattr(handler, "PRELOADED", ())


@pytest.fixture
def noted(tmp_path: Path) -> Iterator[Callable[[], set[int]]]:
    """The process ids that work has left in the folder, which are gone in the end."""

    def pids() -> set[int]:
        return {int(file.name) for file in tmp_path.iterdir()}

    yield pids
    await_true(lambda: not any(map(psutil.pid_exists, pids())))


def await_true(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def run(work: Callable[[int], Any], elements: int = 8) -> None:
    with in_memory_pipeline(worker_options(2)) as root:
        numbers = root | beam.Create(range(elements)) | beam.Reshuffle()
        _ = numbers | beam.Map(work)


def test_work_is_shared_by_processes_which_end_with_it(
    tmp_path: Path, noted: Callable[[], set[int]]
) -> None:
    folder = str(tmp_path)

    def work(_: int) -> None:
        import os
        import pathlib

        # It does not load in Beam's own worker processes.
        import tensorflow_data_validation  # noqa: F401

        pathlib.Path(folder, str(os.getpid())).touch()

    run(work)

    assert len(noted()) == 2
    assert os.getpid() not in noted()


# Beam's threads, of what the worker was asked.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_killed_worker_is_named(tmp_path: Path, noted: Callable[[], set[int]]) -> None:
    folder = str(tmp_path)

    def work(number: int) -> None:
        import os
        import pathlib
        import signal

        pathlib.Path(folder, str(os.getpid())).touch()
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    with (
        pytest.raises(
            WorkerKilledError, match=r"A worker process was ended by SIGKILL: .*\. Do!$"
        ) as raised,
        saying_none("Do!"),
    ):
        run(work)
    assert exit_code_of_error(raised.value) == CAN_PASS
    assert not handler._ends


def test_worker_that_ends_badly_after_its_work_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stop_worker(self: handler.WorkerProcessHandler) -> None:
        self._process.join()
        handler._ends[self._run] = -signal.SIGSEGV

    monkeypatch.setattr(handler.WorkerProcessHandler, "stop_worker", stop_worker)
    run(print)

    assert "a worker process was ended by SIGSEGV, after its work" in caplog.text
    assert not handler._ends


def test_worker_that_does_not_start_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "work", divmod)  # which takes other arguments

    with pytest.raises(WorkerProcessError, match="ended with exit code 1") as raised:
        run(print)
    assert exit_code_of_error(raised.value) == 1


def test_error_of_the_work_is_told_as_it_is() -> None:
    def work(number: int) -> float:
        return 1 / number

    with pytest.raises(RuntimeError, match="ZeroDivisionError") as raised:
        run(work)
    assert not isinstance(raised.value, WorkerProcessError)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_workers_end_when_the_run_is_interrupted(
    tmp_path: Path, noted: Callable[[], set[int]]
) -> None:
    folder = str(tmp_path)

    def work(_: int) -> None:
        import os
        import pathlib
        import time

        pathlib.Path(folder, str(os.getpid())).touch()
        time.sleep(600)

    def interrupt() -> None:
        await_true(lambda: len(noted()) == 2)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(work)
    thread.join()
    assert not any(map(psutil.pid_exists, noted()))


def test_workers_end_with_a_process_that_is_killed(
    tmp_path: Path,
    noted: Callable[[], set[int]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    command = [sys.executable, str(KILLED_PROGRAM), str(tmp_path)]
    # What it leaves there a run has in its scratch folder.
    temporary = {"TMPDIR": str(tmp_path_factory.mktemp("temporary"))}
    with subprocess.Popen(command, env={**os.environ, **temporary}) as one:
        await_true(lambda: len(noted()) == 2 or one.poll() is not None)
        started = {child.pid for child in psutil.Process(one.pid).children(True)}
        one.send_signal(signal.SIGKILL)

    assert noted() <= started
    await_true(lambda: not any(map(psutil.pid_exists, started)))
