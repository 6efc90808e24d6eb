"""Beam on this machine: in this process, or in worker processes."""

import contextlib
import logging
import signal
import uuid
from collections.abc import Iterator
from typing import Any

from apache_beam.portability import python_urns
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from shardline.components.execution.exit_status import how_ended
from shardline.components.execution.worker_processes import handler

_log = logging.getLogger("shardline.workers")


class WorkerProcessError(RuntimeError):
    """A worker process that has ended before its work was done."""


class WorkerKilledError(WorkerProcessError):
    """One that was killed, which can pass."""


@contextlib.contextmanager
def saying_none(remedy: str) -> Iterator[None]:
    """Lets errors of worker processes say how to work without any.

    Args:
        remedy: what the user of the block changes for it, a sentence.

    Raises:
        WorkerProcessError: with the remedy in its text.
    """
    try:
        yield
    except WorkerProcessError as error:
        raise type(error)(f"{error} {remedy}") from error


class LocalRunner(FnApiRunner):
    """Beam's in-memory runner, with worker processes that are watched.

    It has them with `--direct_running_mode=multi_processing`, which in Beam starts
    processes that cannot import TensorFlow Data Validation.
    """

    def run_via_runner_api(self, pipeline_proto: Any, options: Any) -> Any:
        """Runs a pipeline.

        Args:
            pipeline_proto: the pipeline.
            options: of Beam.

        Raises:
            WorkerKilledError: if a worker process is killed.
            WorkerProcessError: if one ends otherwise, or cannot start.
            RuntimeError: with the traceback of what was raised in a worker.
        """
        run = uuid.uuid4().bytes
        for environment in pipeline_proto.components.environments.values():
            if environment.urn == python_urns.SUBPROCESS_SDK:
                environment.urn, environment.payload = handler.ENVIRONMENT, run
        try:
            result = super().run_via_runner_api(pipeline_proto, options)
        except Exception as error:
            code = handler.unexpected_end(run)
            if code is None:
                raise
            raise _error_of(code) from error
        else:
            if (code := handler.unexpected_end(run)) is not None:
                _log.warning("a worker process %s, after its work", how_ended(code))
            return result
        finally:
            handler.unexpected_end(run)  # after an interruption nobody asks


def _error_of(code: int) -> WorkerProcessError:
    """Returns the error of a worker process that has ended with an exit code."""
    how = f"A worker process {how_ended(code)}"
    if code == -signal.SIGKILL:
        return WorkerKilledError(
            f"{how}. Run the same command again; where memory is short, with fewer of "
            "them, or none."
        )
    return WorkerProcessError(f"{how}. What it printed says why.")
