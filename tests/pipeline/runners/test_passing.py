"""Which failures are worth another try, by the real errors of the libraries."""

import errno
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.error
from pathlib import Path

import apache_beam as beam
import grpc
import pytest
import requests
import tensorflow as tf
from google.api_core import exceptions as google
from ml_metadata import errors as mlmd

from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.folders.lock import FolderHeldError, LockError, locked
from shardline.components.readers.datasets import DatasetError, DownloadError
from shardline.configs import ConfigError
from shardline.configs.fault import Fault
from shardline.embedding.cluster.cluster import HostLostError
from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.metadata.store import BusyStoreError
from shardline.pipeline.run_folder import OutputError
from shardline.pipeline.runners.passing import (
    EXIT_CODES,
    can_pass,
    exit_code_can_pass,
    exit_code_of_error,
)

pytestmark = pytest.mark.orchestration


class NoAnswer(grpc.RpcError):
    """An error of a call, as gRPC raises it."""

    def __init__(self, code: grpc.StatusCode):
        super().__init__()
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, "Input/output error"),
        OSError(errno.ENOSPC, "No space left on device"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        TimeoutError(),
        MemoryError(),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        urllib.error.URLError(socket.gaierror(-3, "Temporary failure")),
        requests.ConnectionError("no answer"),
        google.ServiceUnavailable("503"),
        NoAnswer(grpc.StatusCode.UNAVAILABLE),
        tf.errors.UnavailableError(None, None, "Socket closed"),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
        mlmd.AbortedError("concurrent update"),
        mlmd.InternalError("mysql_query failed: database is locked"),
        sqlite3.OperationalError("database is locked"),
        HostLostError("host 1 is gone"),
        BusyStoreError("held by another process for 60 s"),
        DownloadError("pip ended with code 1"),
        RuntimeError("Traceback ...\nOSError: [Errno 5] bad disk [while running 'x']"),
        ExceptionGroup("several", [ValueError("1"), OSError(errno.EIO, "bad disk")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_trouble_of_machines_and_networks_can_pass(error: Exception) -> None:
    assert can_pass(error)
    assert exit_code_of_error(error) == 75


@pytest.mark.parametrize(
    "error",
    [
        ConfigError(Fault(("data",), "unknown key `dta`")),
        DatasetError("its SHA-256 digest is another one"),
        RunError("The model was not published."),
        FileNotFoundError(errno.ENOENT, "No such file or directory"),
        PermissionError(errno.EACCES, "Permission denied"),
        ValueError("connection"),
        KeyError("Timeout"),
        google.NotFound("404"),
        NoAnswer(grpc.StatusCode.INVALID_ARGUMENT),
        tf.errors.InvalidArgumentError(None, None, "shapes"),
        tf.errors.NotFoundError(None, None, "no file"),
        mlmd.NotFoundError("no such execution"),
        sqlite3.OperationalError("no such table: Type"),
        RuntimeError("OSError: [Errno 2] No such file [while running 'x']"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_somebody_must_mend_stays(error: Exception) -> None:
    assert not can_pass(error)
    assert exit_code_of_error(error) == 1


def test_error_that_followed_on_one_that_can_pass_can_pass() -> None:
    def read() -> None:
        try:
            raise OSError(errno.EIO, "Input/output error")
        except OSError as error:
            raise OutputError("cannot be written") from error

    with pytest.raises(OutputError) as raised:
        read()

    assert can_pass(raised.value)


def test_held_folder_can_pass_and_one_without_locks_cannot(tmp_path: Path) -> None:
    with locked(tmp_path / ".lock"), pytest.raises(FolderHeldError) as held:
        with locked(tmp_path / ".lock"):
            pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(LockError) as unlockable, locked(tmp_path / "folder"):
        pass

    assert can_pass(held.value)
    assert not can_pass(unlockable.value)


@pytest.mark.parametrize(("number", "passes"), [(errno.EIO, True), (2, False)])
def test_error_of_a_worker_of_beam_is_told_by_its_number(
    number: int, passes: bool
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, "of a worker")

    with (
        pytest.raises((OSError, RuntimeError)) as raised,
        in_memory_pipeline() as pipeline,
    ):
        pipeline | beam.Create([1]) | beam.Map(fail)

    assert can_pass(raised.value) == passes


@pytest.mark.parametrize(
    ("number", "passes"),
    [
        (signal.SIGKILL, True),
        (signal.SIGTERM, True),
        (signal.SIGHUP, True),
        (signal.SIGSEGV, False),
        (signal.SIGABRT, False),
    ],
)
def test_process_that_was_killed_can_pass_and_one_that_crashed_cannot(
    number: signal.Signals, passes: bool
) -> None:
    code = f"import os; os.kill(os.getpid(), {number.value})"
    ended = subprocess.run([sys.executable, "-c", code], check=False)

    assert exit_code_can_pass(ended.returncode) == passes
    assert exit_code_can_pass(128 + number) == passes


@pytest.mark.orchestration
def test_exit_codes_that_can_pass_are_those_of_signals_that_there_are() -> None:
    codes = {code for code in range(256) if exit_code_can_pass(code)}

    assert codes == EXIT_CODES
    assert {75, 129, 130, 137, 141, 143} <= codes
    assert not {128, 132, 134, 135, 136, 139, 128 + max(signal.valid_signals()) + 1} & (
        codes
    )
    assert {code - 128 for code in codes - {75}} <= signal.valid_signals()


@pytest.mark.parametrize(("code", "passes"), [(0, False), (1, False), (75, True)])
def test_exit_code_tells_what_can_pass(code: int, passes: bool) -> None:
    assert exit_code_can_pass(code) == passes
