"""Runs Beam's batch pipelines on a Dask cluster that is there.

Beam 2.77 has a runner of this name. It drops what a step gives at the end of a bundle,
passes over steps that it does not know, and computes the last step alone: jobs end well
with wrong results. Of it only the options are used here.
"""

import contextlib
import logging
import math
import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.dask.dask_runner import DaskOptions
from apache_beam.runners.runner import PipelineResult, PipelineRunner, PipelineState
from dask.distributed import Client, Future, wait
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker

from shardline.components.execution.beam_engines.dask_graph import dask_graph
from shardline.components.execution.beam_engines.errors import BeamEngineError
from shardline.components.execution.beam_engines.watch import WatchOptions
from shardline.components.execution.beam_engines.workers import check_workers

# How often the cluster is looked at, and how long it may be without workers.
_LOOK_S = 1.0
_WITHOUT_WORKERS_S = 60.0
# For each thread of the cluster: where one is slow, others take more of them.
_PARTITIONS_A_THREAD = 4
_LEAST_PARTITIONS = 8
_ADDRESS = "--dask_client_address=tcp://HOST:8786"


class DaskRunner(PipelineRunner):
    """Runs a pipeline in the workers of a Dask cluster."""

    def is_fnapi_compatible(self) -> bool:
        """Tells that pipelines come as they are, and not translated to a protocol."""
        return False

    def run_pipeline(
        self, pipeline: beam.Pipeline, options: PipelineOptions
    ) -> PipelineResult:
        """Starts a pipeline.

        Args:
            pipeline: whose steps are replaced in part.
            options: with those of Dask.

        Raises:
            BeamEngineError: if no scheduler answers, the cluster cannot run the
                project, or the pipeline has a step that the runner does not know.
        """
        settings = options.view_as(DaskOptions).get_all_options(
            drop_default=True, current_only=True
        )
        wanted: int | None = settings.pop("npartitions", None)
        size: int | None = settings.pop("partition_size", None)
        client = _connected(settings)
        with contextlib.ExitStack() as stack:
            stack.callback(client.close)
            _wait_for_workers(client)
            check_workers(client, options.view_as(WatchOptions).watched_folder)
            threads = sum(client.nthreads().values())

            most = wanted or max(_LEAST_PARTITIONS, _PARTITIONS_A_THREAD * threads)

            def partitions_of(values: int) -> int:
                return math.ceil(values / size) if size else min(values, most)

            done = client.compute(dask_graph(pipeline, partitions_of))
            stack.pop_all()
        return _Result(client, done)


class _Result(PipelineResult):
    """A pipeline that runs."""

    def __init__(self, client: Client, done: Future) -> None:
        super().__init__(PipelineState.RUNNING)  # type: ignore[no-untyped-call]
        self._client = client
        self._done = done

    def wait_until_finish(self, duration: float | None = None) -> str:
        """Waits for the end, however long it takes.

        Args:
            duration: is not used; Beam's steps end by themselves.

        Raises:
            BeamEngineError: if the cluster has lost the job, or all its workers.
        """
        self._state = PipelineState.FAILED
        try:
            with _engine_errors():
                _wait(self._client, self._done)
                self._done.result()
        except BaseException:
            with contextlib.suppress(Exception):
                self.cancel()
            raise
        finally:
            self._client.close()
        self._state = PipelineState.DONE
        return str(self._state)

    def cancel(self) -> None:
        """Takes from the cluster what no worker has begun, and what has been done."""
        self._done.cancel(force=True)


def _connected(settings: dict[str, Any]) -> Client:
    # Told by errors of their own.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    where = settings.get("address") or settings.get("scheduler_file")
    if where is None:
        raise BeamEngineError(
            f"Runner `dask` needs the address of a scheduler. Give it, as {_ADDRESS}."
        )
    try:
        return Client(**settings)
    except (OSError, ValueError) as error:
        raise BeamEngineError(
            f"No Dask scheduler answers at {where}: {error}. Start one (`dask "
            f"scheduler`), or correct the address, as {_ADDRESS}."
        ) from error


def _wait_for_workers(client: Client) -> None:
    try:
        client.wait_for_workers(1, timeout=_WITHOUT_WORKERS_S)
    except TimeoutError as error:
        raise _no_workers(client) from error


def _wait(client: Client, done: Future) -> None:
    """Waits for a task, as long as there are workers.

    Raises:
        BeamEngineError: if there have been none for a while.
    """
    seen = time.monotonic()
    while True:
        with contextlib.suppress(TimeoutError):
            wait([done], timeout=_LOOK_S)
            return
        if client.scheduler_info()["workers"]:
            seen = time.monotonic()
        elif time.monotonic() - seen > _WITHOUT_WORKERS_S:
            raise _no_workers(client)


def _no_workers(client: Client) -> BeamEngineError:
    return BeamEngineError(
        f"The Dask scheduler at {client.scheduler.address} has had no worker for "
        f"{_WITHOUT_WORKERS_S:.0f} s. Start some (`dask worker`), and run again."
    )


@contextlib.contextmanager
def _engine_errors() -> Iterator[None]:
    """Tells what a cluster says of itself apart from what a step raises.

    Raises:
        BeamEngineError: in the place of Dask's errors.
    """
    try:
        yield
    except KilledWorker as error:
        raise BeamEngineError(
            "A step has ended each worker that ran it, one after the other; the last "
            f"was {error.last_worker.address}. The workers' logs say why; often it is "
            "want of memory: give them more of it, or fewer threads."
        ) from error
    except ModuleNotFoundError as error:
        # Of one that has come since workers were checked, or lacks the user's code.
        raise BeamEngineError(
            f"A worker cannot import what the job needs: {error}. Install this "
            "project, and code that the configuration names, where workers run."
        ) from error
    except FutureCancelledError as error:
        raise BeamEngineError(
            f"The Dask cluster has lost the job: {error}. See the scheduler's log, and "
            "run again."
        ) from error
