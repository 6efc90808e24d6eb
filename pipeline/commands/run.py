"""`shardline run`: the whole pipeline, on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from shardline.components.folders.lock import LockError
from shardline.configs import ConfigError, load_run
from shardline.pipeline.commands.console import (
    console,
    end,
    fail,
    failing_on,
    print_line,
)
from shardline.pipeline.commands.options import Configuration, OutputDir
from shardline.pipeline.run_folder import OutputError, run_folder_of


def run_pipeline(
    config: Configuration,
    output_dir: OutputDir = None,
    no_cache: Annotated[
        bool,
        typer.Option(
            "--no-cache", help="Run every step anew; do not reuse earlier outputs."
        ),
    ] = False,
    force: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Publish the model even if a gate refuses it. The reason is "
            "recorded with the published version.",
        ),
    ] = None,
    spans: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="COUNT",
            help="Of data in spans, train on at most so many of those that are due.",
        ),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait",
            help="If another run works in the run folder, wait until it has ended.",
        ),
    ] = False,
    result: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write what came of the run to this file, as JSON for programs.",
        ),
    ] = None,
    nothing_due_code: Annotated[
        int,
        typer.Option(
            min=0,
            max=255,
            metavar="CODE",
            help="The exit code if nothing is due, of data in spans, for an "
            "orchestrator that tells it from a run.",
        ),
    ] = 0,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Show the log of the run on the terminal, too."
        ),
    ] = False,
) -> None:
    """Run the whole pipeline: read, preprocess, train, evaluate, export and publish.

    A step whose inputs and code are those of an earlier run into the same
    run folder is not run again; its outputs are reused. So after an
    interruption, also by a kill, the same command goes on.

    Data that comes in spans is trained on span by span until nothing is due;
    then the command does nothing and says so.

    The exit code is 0 if all went well or nothing is due, 75 after a failure
    that can pass, such as one of the network, and 1 after any other.
    """
    from shardline.pipeline.runners.passing import exit_code_of_error
    from shardline.pipeline.runners.process import run_in_process

    if force is not None and not force.strip():
        fail(ValueError("--force needs a reason, which is recorded; it is empty."))
    try:
        run = load_run(config)
        if spans and run.data.spans is None:
            fail(ValueError("--spans is for data in spans: `data.spans` is not given."))
        run_folder = run_folder_of(run.name, output_dir)
        run_folder.make()
    except (ConfigError, OutputError) as error:
        fail(error, exit_code_of_error(error))
    arguments = ["--no-cache"] if no_cache else []
    arguments += [f"--force={force.strip()}"] if force else []
    arguments += [f"--spans={spans}"] if spans else []

    def say(holder: str) -> None:
        print_line(f"{run_folder.root} is held by {holder}. Waiting for it")

    try:
        with run_folder.held(say if wait else None) as lock:
            ended = run_in_process(
                config, run_folder, lock, console, arguments, verbose=verbose
            )
    except (OutputError, LockError, OSError) as error:
        fail(error, exit_code_of_error(error))
    if result:
        with failing_on(OSError):
            ended.save(result)
    is_idle = run.data.spans is not None and not ended.spans
    end(ended.exit_code or (nothing_due_code if is_idle else 0))
