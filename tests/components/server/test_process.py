"""The server's own process: it drains, gives memory back, and survives anything."""

import contextlib
import functools
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
from shardline_tests import load
from tensorflow_serving.apis import prediction_service_pb2_grpc

_conftest = load(Path(__file__).with_name("conftest.py"))
_ROOT = Path(__file__).parents[3]
_DEADLINE_S = 120
_MB = 1e6


class Process:
    """A running `shardline serve`.

    Attributes:
        process: its process.
    """

    def __init__(self, folder: Path, *options: str):
        command = [Path(sys.executable).with_name("shardline"), "serve", folder]
        command += ["--name", "small", "--grpc-port", "0", "--rest-port", "0"]
        self._log = folder.with_name("server.log")
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*map(str, command), "--poll", "0.1", *options],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    @functools.cached_property
    def ports(self) -> tuple[int, int]:
        """Of gRPC and REST."""
        grpc_port = re.search(r"gRPC at 127\.0\.0\.1:(\d+)", self.log)[1]
        rest_port = re.search(r"REST at http://[^:]+:(\d+)", self.log)[1]
        return int(grpc_port), int(rest_port)

    @property
    def log(self) -> str:
        """What it printed."""
        return self._log.read_text()

    def wait_for(self, words: str) -> None:
        """Waits until it has printed something."""
        deadline_s = time.monotonic() + _DEADLINE_S
        while words not in self.log:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline_s, self.log
            time.sleep(0.02)

    def wait_for_request(self) -> None:
        """Waits until it answers one."""
        url = f"http://127.0.0.1:{self.ports[1]}/monitoring/prometheus/metrics"
        deadline_s = time.monotonic() + _DEADLINE_S
        page = b""
        while b"shardline_requests_in_flight 1.0" not in page:
            assert time.monotonic() < deadline_s, page
            time.sleep(0.01)
            with urllib.request.urlopen(url, timeout=_DEADLINE_S) as reply:
                page = reply.read()

    @property
    def memory_mb(self) -> float:
        """What it holds."""
        return psutil.Process(self.process.pid).memory_info().rss / _MB

    def start(self, signature: str, **inputs: Any) -> grpc.Future:
        """Sends a request; its channel closes with the reply."""
        channel = grpc.insecure_channel(f"127.0.0.1:{self.ports[0]}")
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = _conftest.request_for(signature, **inputs)
        return stub.Predict.future(request, timeout=_DEADLINE_S)


@contextlib.contextmanager
def serving(folder: Path, *options: str) -> Iterator[Process]:
    process = Process(folder, *options)
    try:
        process.wait_for("Serving version")
        yield process
    finally:
        process.process.kill()
        process.process.wait()


def hostile() -> Any:
    """The program of the benchmark that sends hostile requests."""
    return importlib.import_module("benchmarks.serving.programs.hostile")


def test_hostile_requests_and_new_versions_leave_memory_as_it_was_and_it_drains(
    publish: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(_ROOT))
    folder = publish(1)
    with serving(folder, "--read-timeout", "0.5") as server:
        target = hostile().Target(*server.ports, "small", read_timeout_s=0.5)
        hostile().attack(target, 4)
        before_mb = server.memory_mb
        replies = hostile().attack(target, 12)
        after_mb = server.memory_mb

        assert replies.sent > 1000
        assert replies.wrong == []
        assert after_mb - before_mb < 30

        # Each holds a table of 64 MB.
        for version in (2, 3, 4):
            publish(version, rows=1_000_000)
            server.wait_for(f"Serving version {version}")
            server.wait_for(f"Version {version - 1} is no longer in memory")
        assert server.memory_mb - after_mb < 64 + 30
        publish(5)
        server.wait_for("Version 4 is no longer in memory")
        assert server.memory_mb - after_mb < 30

        answer = server.start("slow", rounds=np.int64(2000))
        server.wait_for_request()
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("Stopping")
        # By gRPC: no connection any more, or no call on one that was just made.
        with pytest.raises(grpc.RpcError, match=r"UNAVAILABLE|CANCELLED"):
            server.start("slow", rounds=np.int64(1)).result()

        assert int(answer.result().outputs["rounds"].int64_val[0]) == 2000
        assert server.process.wait(_DEADLINE_S) == 0
    shutil.rmtree(folder)


def test_second_signal_ends_it_at_once(publish: Callable[..., Path]) -> None:
    with serving(publish(1)) as server:
        endless = server.start("slow", rounds=np.int64(10**6))
        server.wait_for_request()
        os.kill(server.process.pid, signal.SIGINT)
        server.wait_for("Stopping")
        os.kill(server.process.pid, signal.SIGTERM)

        assert server.process.wait(_DEADLINE_S) == 128 + signal.SIGTERM
        assert endless.code() == grpc.StatusCode.UNAVAILABLE
