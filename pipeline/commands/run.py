"""`shardline run`: the whole pipeline, on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from shardline.components.folders.lock import LockError
from shardline.configs import ConfigError, load_run
from shardline.configs.schema import Run
from shardline.pipeline.commands.console import (
    console,
    end,
    fail,
    print_line,
)
from shardline.pipeline.commands.options import (
    Configuration,
    OutputDir,
    refused_if_remote,
)
from shardline.pipeline.run_folder import OutputError, RunFolderHeldError, run_folder_of
from shardline.pipeline.runners.result import RunResult
from shardline.pipeline.steps import PartError, check_force, part_of

_WRONG_USAGE = 2


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
    first: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="COMPONENT",
            help="Run this component and all that build on it; what they build on is "
            "taken as earlier runs made it.",
        ),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="COMPONENT",
            help="Run this component and all that it builds on.",
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            "--only", metavar="COMPONENT", help="The same as --from and --to it."
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
            callback=refused_if_remote,
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

    With --from, --to or --only a part of the pipeline runs.

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
        part = _part_arguments(run, first, last, only, spans=spans, force=force)
        run_folder = run_folder_of(run.name, output_dir)
        run_folder.make()
    except PartError as error:
        fail(error, _WRONG_USAGE)
    except (ConfigError, OutputError) as error:
        fail(error, exit_code_of_error(error))
    arguments = [*part, "--no-cache"] if no_cache else part
    arguments += [f"--force={force.strip()}"] if force else []
    arguments += [f"--spans={spans}"] if spans else []

    def say(holder: str) -> None:
        print_line(f"{run_folder.root} is held by {holder}. Waiting for it")

    try:
        with run_folder.held(say if wait else None) as lock:
            ended = run_in_process(
                config, run_folder, lock, console, arguments, verbose=verbose
            )
    except RunFolderHeldError as error:
        remedy = "With --wait, `run` waits; with --output-dir it takes another folder."
        fail(RunFolderHeldError(f"{error} {remedy}"), exit_code_of_error(error))
    except (OutputError, LockError, OSError) as error:
        fail(error, exit_code_of_error(error))
    if result:
        try:
            ended.save(result)
        except OSError as error:
            # What came of the run counts more; where that is good, this is a failure.
            code = ended.exit_code or exit_code_of_error(error)
            fail(_unwritten(result, ended, error), code)
    is_idle = run.data.spans is not None and not ended.spans
    end(ended.exit_code or (nothing_due_code if is_idle else 0))


def _unwritten(file: Path, ended: RunResult, error: OSError) -> OSError:
    """Returns the error of a result that cannot be written, with the result's words."""
    came = f"published version {ended.version}" if ended.version else "is done"
    came = "failed" if ended.exit_code else came
    return OSError(
        f"The run {came}, and --result {file} cannot be written: {error.strerror}. "
        "Make room, or name another file; the same command reuses what was done."
    )


def _part_arguments(
    run: Run,
    first: str | None,
    last: str | None,
    only: str | None,
    *,
    spans: int | None,
    force: str | None,
) -> list[str]:
    """Returns what tells the process of the pipeline which part of it to run.

    Raises:
        PartError: if there is no such part, or other options do not go with it.
    """
    if only and (first or last):
        raise PartError("--only is --from and --to in one. Give it alone.")
    first, last = first or only, last or only
    if first is None and last is None:
        return []
    part = part_of(run, first, last)
    if spans:
        raise PartError(
            "--spans counts plans, and a part of the pipeline is run for one. Leave "
            "it out."
        )
    if force:
        check_force(run, part)
    arguments = [f"--from={first}"] if first else []
    return arguments + ([f"--to={last}"] if last else [])
