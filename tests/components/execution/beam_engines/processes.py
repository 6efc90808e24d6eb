"""Engines of several processes on this machine, for tests."""

import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

TIME_LIMIT_S = 120
_ROOT = Path(__file__).parents[4]
_PRISM = "github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0"
_CANNOT_IMPORT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "shardline":
            raise ModuleNotFoundError("No module named 'shardline'", name="shardline")

sys.meta_path.insert(0, Missing())
"""


class Process(NamedTuple):
    """A process that runs.

    Attributes:
        process: itself.
        log: what it prints.
    """

    process: subprocess.Popen[bytes]
    log: Path


def environment_without_project(folder: Path) -> dict[str, str]:
    """Returns the environment of Python processes that cannot import the project."""
    (folder / "sitecustomize.py").write_text(_CANNOT_IMPORT)
    return {"PYTHONPATH": str(folder)}


@contextlib.contextmanager
def started(
    folder: Path,
    name: str,
    *command: str | Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Process]:
    """Runs a program of an engine, until the end of a block."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(environment or {})},
        )
    try:
        yield Process(process, log)
    finally:
        # As Ctrl-C does: pools of workers then end theirs.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Waits until something is so; fails if it never is."""
    end = time.monotonic() + TIME_LIMIT_S
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def free_port() -> int:
    """Returns a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("localhost", 0))
        port: int = found.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Tells whether somebody listens at a port."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("localhost", port)),
    ):
        return True
    return False


class Dask(NamedTuple):
    """A scheduler of Dask.

    Attributes:
        folder: of its files.
        address: where it answers.
    """

    folder: Path
    address: str

    def worker(
        self, name: str, environment: Mapping[str, str] | None = None
    ) -> contextlib.AbstractContextManager[Process]:
        """Runs a worker of one thread."""
        return started(
            self.folder,
            name,
            *(sys.executable, "-m", "distributed.cli.dask_worker", self.address),
            *("--name", name, "--nthreads", "1", "--no-nanny", "--no-dashboard"),
            *("--memory-limit", "0", "--local-directory", self.folder / name),
            environment=environment,
        )


@contextlib.contextmanager
def dask_scheduler(folder: Path) -> Iterator[Dask]:
    """Runs a scheduler of Dask."""
    told = folder / "scheduler.json"
    with started(
        folder,
        "scheduler",
        *(sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"),
        *("--host", "127.0.0.1", "--port", "0", "--scheduler-file", told),
    ):
        wait_until(lambda: told.exists() and bool(told.read_text()), "no scheduler")
        yield Dask(folder, json.loads(told.read_text())["address"])


@contextlib.contextmanager
def job_server(folder: Path) -> Iterator[str]:
    """Runs the job server that Beam has in Python; gives its address."""
    port = free_port()
    with started(
        folder,
        "job-server",
        *(sys.executable, "-m"),
        "apache_beam.runners.portability.local_job_service_main",
        f"--port={port}",
    ):
        wait_until(lambda: listens(port), "the job server does not listen")
        yield f"localhost:{port}"


@contextlib.contextmanager
def prism(folder: Path) -> Iterator[str]:
    """Runs Prism as a job server; gives its address."""
    port = free_port()
    arguments = (f"-job_port={port}", "-serve_http=false", "-log_kind=text")
    with started(folder, "prism", prism_program(), *arguments):
        wait_until(lambda: listens(port), "Prism does not listen")
        yield f"localhost:{port}"


@functools.cache
def prism_program() -> Path:
    """Returns Prism, built if it is not there; skips the test if it cannot be had."""
    folder = _ROOT / "build" / "engines"
    program = folder / "prism"
    if not program.exists():
        if not shutil.which("go"):
            pytest.skip("Prism is not here, and no Go to build it with")
        folder.mkdir(parents=True, exist_ok=True)
        built = subprocess.run(
            ["go", "install", _PRISM],
            env={**os.environ, "GOBIN": str(folder)},
            capture_output=True,
            text=True,
        )
        if built.returncode:
            pytest.skip(f"Prism cannot be built: {built.stderr.strip()[-300:]}")
    return program


class Pool(NamedTuple):
    """A pool that starts worker processes when a job server asks for them.

    Attributes:
        address: where it answers.
        log: what it prints.
    """

    address: str
    log: Path

    @property
    def started(self) -> int:
        """How many worker processes it has started."""
        return self.log.read_text().count("Starting worker with command")


@contextlib.contextmanager
def worker_pool(
    folder: Path, name: str = "pool", environment: Mapping[str, str] | None = None
) -> Iterator[Pool]:
    """Runs Beam's pool of worker processes, which starts the `python` of the path."""
    port = free_port()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with started(
        folder,
        name,
        *(sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main"),
        f"--service_port={port}",
        environment={"PATH": path, **(environment or {})},
    ) as pool:
        wait_until(lambda: listens(port), "the pool does not listen")
        yield Pool(f"localhost:{port}", pool.log)
