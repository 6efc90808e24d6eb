"""`shardline serve` as a process of its own, on free ports of this machine."""

import re
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from benchmarks.engine.session import FOLDER, ProgramError

_LOG = FOLDER / "logs" / "serving-server.log"
_COMMAND = Path(sys.executable).with_name("shardline")
_START_LIMIT_S = 120
_STOP_LIMIT_S = 60


class ModelServer:
    """A server that runs while a block does.

    Attributes:
        grpc_port: where it listens.
        rest_port: the same for HTTP.
        exit_code: once the block has ended; 0 if it served until then.
    """

    def __init__(self, folder: Path, name: str, *options: str):
        """Starts it; the block begins once it serves a version.

        Args:
            folder: the serving folder.
            name: of the model.
            options: of `shardline serve`.
        """
        self.grpc_port = self.rest_port = 0
        self.exit_code: int | None = None
        _LOG.parent.mkdir(parents=True, exist_ok=True)
        ports = ["--grpc-port", "0", "--rest-port", "0"]
        with _LOG.open("wb") as log:
            self._process = subprocess.Popen(
                [_COMMAND, "serve", folder, "--name", name, *ports, *options],
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,  # what is in a buffer, `select` does not see
            )

    @property
    def resident_bytes(self) -> int:
        """Memory that it holds; 0 if it has ended."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        held = [line for line in lines if line.startswith("VmRSS:")]
        return int(held[0].split()[1]) * 1024 if held else 0

    def __enter__(self) -> "ModelServer":
        """Waits until it serves.

        Raises:
            ProgramError: if it ends, or serves nothing for long.
        """
        try:
            self.grpc_port = self._announced(rb"^gRPC at .*:(\d+)$")
            self.rest_port = self._announced(rb"^REST at http://[^/]*:(\d+)/")
            self._wait_ready()
        except BaseException:
            self._end(signal.SIGKILL)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Lets it end, as one ends a server."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        try:
            self._process.communicate(timeout=_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self.exit_code = self._process.returncode

    def _announced(self, pattern: bytes) -> int:
        """Returns the port of a line that it prints."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + _START_LIMIT_S
        while select.select(
            [self._process.stdout], [], [], max(0, deadline - time.monotonic())
        )[0]:
            line = self._process.stdout.readline()
            if not line:
                break
            if found := re.search(pattern, line.rstrip()):
                return int(found[1])
        raise self._failure("did not say where it listens")

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            url = f"http://127.0.0.1:{self.rest_port}/readyz"
            try:
                with urllib.request.urlopen(url, timeout=10):
                    return
            except (urllib.error.URLError, TimeoutError):
                time.sleep(0.1)
        raise self._failure("serves no version")

    def _failure(self, reason: str) -> ProgramError:
        tail = "\n".join(_LOG.read_text(errors="replace").splitlines()[-25:])
        return ProgramError(f"`shardline serve` {reason}. The end of {_LOG}:\n{tail}")
