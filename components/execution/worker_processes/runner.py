"""Beam on this machine: in this process, or in worker processes."""

import uuid
from typing import Any

from apache_beam.portability import python_urns
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from shardline.components.execution.worker_processes import handler


class WorkerProcessError(RuntimeError):
    """A worker process that has ended before its work was done."""


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
            WorkerProcessError: if a worker process is killed or cannot start.
            RuntimeError: with the traceback of what was raised in a worker.
        """
        run = uuid.uuid4().bytes
        for environment in pipeline_proto.components.environments.values():
            if environment.urn == python_urns.SUBPROCESS_SDK:
                environment.urn, environment.payload = handler.ENVIRONMENT, run
        try:
            return super().run_via_runner_api(pipeline_proto, options)
        except Exception as error:
            if how := handler.unexpected_end(run):
                raise WorkerProcessError(
                    f"A worker process {how}. What was done before is kept: run the "
                    "same command again. If memory is short, give the step fewer "
                    "worker processes, such as `worker_processes: {default: 1}`."
                ) from error
            raise
