"""What commands share that run one job of Beam: options, and how they end."""

import contextlib
from collections.abc import Iterator
from typing import Annotated

import typer

from shardline.components.execution.worker_processes.fork_server import (
    fork_server_ended,
)
from shardline.pipeline.commands.console import failing_on
from shardline.pipeline.commands.temporary_folder import temporary_folder_removed
from shardline.pipeline.runners.interruption import children_end_first
from shardline.pipeline.terminal.native_output import stderr_held_back

# For `saying_none`.
NO_WORKER_PROCESSES = (
    "Their number is --direct_num_workers, and without --direct_running_mode there are "
    "none."
)
BeamRunner = Annotated[
    str,
    typer.Option(
        help="The Beam runner: direct (this machine), dask, portable, flink, spark "
        "or dataflow. Its options come last, after --."
    ),
]
NewFolder = Annotated[
    str, typer.Option(help="The folder to write, which must not exist yet.")
]


@contextlib.contextmanager
def job_ends_with_command() -> Iterator[None]:
    """Lets an error end the command in its words, and leaves nothing behind."""
    with (
        failing_on(OSError, RuntimeError, ValueError, exit_code_of=_exit_code),
        stderr_held_back(),
        temporary_folder_removed(),
        fork_server_ended(),
        children_end_first(),
    ):
        yield


def _exit_code(error: Exception) -> int:
    from shardline.pipeline.runners.passing import exit_code_of_error

    return exit_code_of_error(error)
