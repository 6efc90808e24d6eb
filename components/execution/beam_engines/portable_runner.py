"""Beam's portable runner: jobs for a job server, such as that of Prism.

Beam 2.77's own ends a job that takes longer than the 60 s that it may take to reach the
server, and tells of a worker that died by a trace.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import grpc
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.runners.portability import portable_runner
from apache_beam.runners.runner import PipelineResult, PipelineState

from shardline.components.execution.beam_engines.errors import BeamEngineError
from shardline.components.execution.beam_engines.watch import (
    Stillness,
    WatchOptions,
    wait_watching,
)

_UNLIMITED_S = 10**7
# What engines say of a worker whose process is gone: Prism, and Beam's own job server.
_LOST_WORKER = re.compile(
    r"SDK worker disconnected|Channel closed prematurely|didn't get control connection"
)
_NO_MODULE = re.compile(r"ModuleNotFoundError: (No module named '[\w.]+')")
_RAISED = re.compile(r"^(?:[\w.]+\.)?(\w*(?:Error|Exception)): .*$", re.MULTILINE)
_ENDPOINT = "--job_endpoint=HOST:PORT"


class PortableRunner(portable_runner.PortableRunner):
    """Gives jobs to a job server, and says what became of them."""

    def create_job_service(
        self, options: PipelineOptions
    ) -> portable_runner.JobServiceHandle:
        """Connects with the job server.

        Args:
            options: with the server's address.

        Raises:
            BeamEngineError: if there is none, or no server answers.
        """
        portable = options.view_as(PortableOptions)
        if not portable.job_endpoint:
            raise BeamEngineError(
                "Runner `portable` needs the address of a job server. Give it, as "
                f"{_ENDPOINT}."
            )
        _check_answer(portable.job_endpoint, portable.job_server_timeout)
        # Beam takes it for the time that a job may take, too.
        portable.job_server_timeout = _UNLIMITED_S
        return super().create_job_service(options)

    def run_portable_pipeline(
        self, pipeline: Any, options: PipelineOptions
    ) -> PipelineResult:
        """Starts a pipeline.

        Args:
            pipeline: as a message of Beam's protocol.
            options: with the server's address.

        Raises:
            BeamEngineError: if the server does not take it.
        """
        with _engine_errors(options):
            return _Result(super().run_portable_pipeline(pipeline, options), options)


class _Result(PipelineResult):
    """A job that runs."""

    def __init__(self, job: PipelineResult, options: PipelineOptions) -> None:
        super().__init__(PipelineState.RUNNING)  # type: ignore[no-untyped-call]
        self._job = job
        self._options = options

    def wait_until_finish(self, duration: float | None = None) -> str:
        """Waits for the end.

        Args:
            duration: for how long at most, in milliseconds; None waits for ever.

        Returns:
            The state of the job then, as Beam calls it.

        Raises:
            BeamEngineError: if the job has failed.
        """
        told = self._options.view_as(WatchOptions)
        folder = told.watched_folder
        stillness = Stillness(folder, told.still_limit_s) if folder else None

        def look() -> None:
            if stillness:
                stillness.check()

        with _engine_errors(self._options):
            self._state = wait_watching(
                lambda: self._job.wait_until_finish(duration), look, self._job.cancel
            )
        return str(self._state)

    def cancel(self) -> None:
        """Ends the job."""
        self._job.cancel()


def _check_answer(endpoint: str, seconds: float) -> None:
    with grpc.insecure_channel(endpoint) as channel:
        try:
            grpc.channel_ready_future(channel).result(seconds)
        except grpc.FutureTimeoutError as error:
            raise BeamEngineError(
                f"No job server answers at {endpoint}, in {seconds:.0f} s "
                f"(--job_server_timeout). Start it, or correct {_ENDPOINT}."
            ) from error


@contextlib.contextmanager
def _engine_errors(options: PipelineOptions) -> Iterator[None]:
    """Says in a line what a job server tells by a trace.

    Raises:
        BeamEngineError: for a job that has failed, or a server that is gone.
    """
    endpoint = options.view_as(PortableOptions).job_endpoint
    try:
        yield
    except grpc.RpcError as error:
        raise BeamEngineError(
            f"The job server at {endpoint} has gone: {error.code().name}. See its log: "
            "Prism ends if it does not reach a pool of workers "
            "(--environment_config). Start it again."
        ) from error
    except BeamEngineError:
        raise
    except RuntimeError as error:
        raise BeamEngineError(_in_words(str(error))) from error


def _in_words(told: str) -> str:
    """Returns what is wrong and what to do, from what a job server told."""
    if missing := _NO_MODULE.search(told):
        return (
            f"A worker cannot import what the job needs of it: {missing[1]}. Install "
            "this project, and code that the configuration names, where workers run."
        )
    if lost := _LOST_WORKER.search(told):
        return (
            f"The job has lost a worker ({lost[0]}). The worker's log says why; often "
            "it is want of memory. Run again."
        )
    raised = [found[0] for found in _RAISED.finditer(told)]
    return f"The job has failed: {(raised or told.strip().splitlines() or ['?'])[-1]}"
