"""`shardline submit`: a run of the pipeline on another platform."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from shardline.configs import load_run
from shardline.pipeline.commands.console import (
    console,
    end,
    fail,
    failing_on,
    load,
    print_line,
)
from shardline.pipeline.commands.options import (
    Configuration,
    DataPath,
    DryRun,
    Image,
    PipelineRoot,
    Runner,
    ServingDir,
)
from shardline.pipeline.commands.platform_failures import failing_on_platform
from shardline.pipeline.platforms.errors import PlatformError
from shardline.pipeline.platforms.remote import RemotePlatform, RunState, SubmittedRun
from shardline.pipeline.platforms.runners import platform_runner
from shardline.pipeline.platforms.submission import packed, remote_platform
from shardline.pipeline.platforms.target import target_of
from shardline.pipeline.runners.interruption import end_interrupted
from shardline.pipeline.terminal.native_output import stderr_held_back

_BETWEEN_LOOKS_S = 10.0
_MOST_MISSED_S = 600.0  # since the platform was last reached


def submit(
    config: Configuration,
    runner: Runner,
    pipeline_root: PipelineRoot = None,
    serving_dir: ServingDir = None,
    data_path: DataPath = None,
    image: Image = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the run has ended.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Start a run of the pipeline on Kubeflow or Vertex AI.

    The platform and all that it is told stand in section `platform` of the
    configuration; options go before it.
    """
    with failing_on(ValueError):
        name = platform_runner(runner)
    run = load(config, load_run)
    given = {
        "image": image,
        "pipeline_root": pipeline_root,
        "serving_dir": serving_dir,
        "data_path": data_path,
    }
    with failing_on_platform(), tempfile.TemporaryDirectory() as folder:
        target = target_of(run, name, given, config)
        platform = remote_platform(run, name, config, schedules=False)
        with console.status("Compiling"), stderr_held_back():
            package = packed(run, target, Path(folder), config)
        if dry_run:
            print_line(platform.run_request(package).text)
            return
        with console.status("Submitting"):
            submitted = platform.submit(package)
    with _going_on(submitted):
        print_line(f"Submitted {package.run}: {submitted.url}")
        if wait:
            _wait(platform, submitted)


@contextlib.contextmanager
def _going_on(run: SubmittedRun) -> Iterator[None]:
    """Ends an interrupted command without the advice to start it again."""
    try:
        yield
    except KeyboardInterrupt as interruption:
        print_line(f"Interrupted. The run goes on: {run.url}")
        end_interrupted(interruption)


def _wait(platform: RemotePlatform, run: SubmittedRun) -> None:
    """Waits for the end of a run; ends the command with 1 if it failed.

    A platform that is not reached for a while does not end the wait: who is told that
    the same may succeed later would start another run.
    """
    with console.status("Running"):
        state = _last_state(platform, run)
    print_line(f"It has {state}")
    if state == "failed":
        end(1)


def _last_state(platform: RemotePlatform, run: SubmittedRun) -> RunState:
    reached = time.monotonic()
    while True:
        try:
            if (state := platform.state_of(run)) != "running":
                return state
            reached = time.monotonic()
        except PlatformError as error:
            missed_s = time.monotonic() - reached
            if error.exit_code == 1 or missed_s >= _MOST_MISSED_S:
                fail(PlatformError(f"{error} The run may go on: {run.url}"))
        time.sleep(_BETWEEN_LOOKS_S)
