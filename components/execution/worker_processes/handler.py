"""Starts a worker process for Beam's runner, watches it, and ends it.

Beam's own handler of worker processes does not watch them: where one is killed, or
cannot start, the runner waits for ever.
"""

import json
import multiprocessing
import threading
from multiprocessing.connection import wait
from typing import Any

from apache_beam.portability.api import beam_fn_api_pb2, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    STATE_CACHE_SIZE_MB,
    ControlConnection,
    ControlFuture,
    GrpcWorkerHandler,
    WorkerHandler,
)
from google.protobuf import text_format

from shardline.components.execution.worker_processes.fork_server import (
    shorten_socket_path,
)
from shardline.components.execution.worker_processes.program import PRELOADED, work

ENVIRONMENT = "shardline:env:worker_process:v1"

_FORKS = multiprocessing.get_context("forkserver")
_ENDS_WITHIN_S = 10.0
_SEEN_DEAD_WITHIN_S = 0.5
# Side inputs are kept in a worker as they are in a process alone.
_OPTIONS = {"max_cache_memory_usage_mb": STATE_CACHE_SIZE_MB}
# Exit codes of processes that should not have ended, by the run of a pipeline.
_ends: dict[bytes, int] = {}


def unexpected_end(run: bytes) -> int | None:
    """Returns the exit code of a worker process that should not have ended.

    Args:
        run: the payload of the environment of a run of a pipeline; forgotten then.

    Returns:
        As `subprocess` says it; None if none has.
    """
    return _ends.pop(run, None)


class _Connection:
    """The runner's connection to a worker, which answers for one that is gone."""

    def __init__(self, connection: ControlConnection):
        self._connection = connection
        self._lock = threading.Lock()
        self._unanswered: list[ControlFuture] = []
        self._error = ""

    def push(self, request: Any) -> ControlFuture:
        """Sends a request, and returns its answer to come."""
        answer: ControlFuture = self._connection.push(request)
        with self._lock:
            pending = [one for one in self._unanswered if not one.is_done()]
            self._unanswered = [*pending, answer]
            self._answer_for_it()
        return answer

    def fail(self, error: str) -> None:
        """Answers all requests, also those to come, by an error."""
        with self._lock:
            self._error = error
            self._answer_for_it()

    def is_busy(self) -> bool:
        """Tells whether the worker owes an answer."""
        with self._lock:
            return not all(one.is_done() for one in self._unanswered)

    def close(self) -> None:
        """Tells the worker that it is done."""
        self._connection.close()

    def _answer_for_it(self) -> None:
        for one in self._unanswered if self._error else []:
            if not one.is_done():
                one.set(
                    beam_fn_api_pb2.InstructionResponse(
                        instruction_id=one.instruction_id, error=self._error
                    )
                )


@WorkerHandler.register_environment(ENVIRONMENT, bytes)
class WorkerProcessHandler(GrpcWorkerHandler):
    """A worker process of this machine."""

    def __init__(self, run: bytes, *of_runner: Any):
        """Starts nothing yet.

        Args:
            run: by which `unexpected_end` knows the run of the pipeline.
            *of_runner: what the runner gives each of its handlers.
        """
        super().__init__(*of_runner)
        self.control_conn: Any = _Connection(self.control_conn)
        self._run = run
        self._is_closing = self._was_killed = False

    def start_worker(self) -> None:
        """Starts the process, and a thread that watches it."""
        shorten_socket_path()
        _FORKS.set_forkserver_preload(list(PRELOADED))
        name = self.worker_id.replace("_", " ")
        self._process = _FORKS.Process(
            target=work, args=(name, self._environment()), name=name, daemon=True
        )
        self._process.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def close(self) -> None:
        """Lets the process end; ends it if nobody waits any more for what it does."""
        self._is_closing = True
        if self.control_conn.is_busy():
            # The runner hears that a connection is lost before who watches the process.
            self._process.join(_SEEN_DEAD_WITHIN_S)
            self._end()
        super().close()

    def stop_worker(self) -> None:
        """Waits for the end of the process, which was told."""
        self._process.join(_ENDS_WITHIN_S)
        self._end()

    def _end(self) -> None:
        """Notes how the process has ended; kills it if it has not."""
        if self._process.is_alive():
            self._was_killed = True
            self._process.kill()
            self._process.join()
        elif self._process.exitcode and not self._was_killed:
            self._note_end()

    def _environment(self) -> dict[str, str]:
        """Returns what Beam's worker looks for in its environment."""
        address = endpoints_pb2.ApiServiceDescriptor(url=self.control_address)
        return {
            "WORKER_ID": self.worker_id,
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(address),
            "PIPELINE_OPTIONS": json.dumps(_OPTIONS),
        }

    def _watch(self) -> None:
        wait([self._process.sentinel])
        if not self._is_closing:
            self._process.join()
            self._note_end()
            self.control_conn.fail(f"{self._process.name} has ended")

    def _note_end(self) -> None:
        _ends.setdefault(self._run, self._process.exitcode or 0)
