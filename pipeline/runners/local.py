"""Runs a pipeline in this process, on this machine; started by `runners.process`.

Events go to the file descriptor named on the command line; all other output belongs to
a log file. The process holds the lock of the run folder, which the one that starts it
has taken, and ends when that one is gone.
"""

import argparse
import contextlib
import errno
import logging
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from shardline.components.checker import preflight
from shardline.components.contracts.text_file import TextFileError
from shardline.components.folders.lock import inherited_lock
from shardline.components.folders.scratch import held
from shardline.components.readers import datasets
from shardline.components.span_planner.calendar import SpanError
from shardline.configs import ConfigError, load_run
from shardline.configs.schema import Run
from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.runners.events import Event, EventWriter
from shardline.pipeline.runners.interruption import end_interrupted, stops_as_at_ctrl_c
from shardline.pipeline.runners.launch import Launch
from shardline.pipeline.runners.orphan import end_when_orphaned
from shardline.pipeline.runners.passing import exit_code_of_error
from shardline.pipeline.runners.span_loop import run_due_spans
from shardline.pipeline.runners.span_part import go_on_with_plan
from shardline.pipeline.steps import Part, PartError, part_of

# The components that look at the raw data.
_READERS = frozenset({"ReaderExampleGen", "SpanPlanner", "SpanExamples"})
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def run_pipeline(
    config: Path,
    run_folder: RunFolder,
    writer: EventWriter,
    result: dict[str, Any],
    *,
    cache: bool,
    force: str,
    at_most: int | None,
    first: str | None,
    last: str | None,
) -> None:
    """Runs the pipeline and sends the summary; of data in spans, for all that are due.

    Args:
        config: file of the configuration.
        run_folder: where outputs go.
        writer: where events go.
        result: gets the fields of a `RunResult` that this process knows.
        cache: whether to reuse earlier work.
        force: the reason to publish the model whatever the gates say; "" publishes only
            a model that passes them.
        at_most: how many runs at most, of data in spans; None: all that are due.
        first: the component to begin with; None: with the pipeline.
        last: the component to end with; None: with the pipeline.
    """
    run = load_run(config)
    part = part_of(run, first, last) if first or last else None
    reads = part is None or not _READERS.isdisjoint(part.components)
    data = _fetched(run, run_folder, writer) if reads else ""
    if run.data.spans and run.data.files is None:
        preflight.check_reader(run, config)  # spans are its to tell
    launch = Launch(
        run,
        config,
        data,
        run_folder,
        writer,
        cache=cache,
        force=force,
        part=part,
    )
    if run.data.spans is None:
        launch.prepare()  # before the data is looked at, which may take minutes
        values = launch(_version(run, config, data, run_folder, part))
    elif part and "SpanPlanner" not in part.components:
        values = go_on_with_plan(
            run,
            lambda: data or _fetched(run, run_folder, writer),
            run_folder,
            launch,
            writer,
            result,
            retry=bool(force),
        )
    else:
        values = run_due_spans(
            run,
            data,
            run_folder,
            launch,
            writer,
            result,
            at_most=1 if part else at_most,
            retry=bool(force),
        )
    if published := values.get("Published model"):
        result["version"] = Path(published.splitlines()[0]).name
    writer.send(Event("summary", values=values, result=result))


def _fetched(run: Run, run_folder: RunFolder, writer: EventWriter) -> str:
    """Returns where the raw data lies, fetched if need be."""
    if run.data.download:
        requirement = run.data.download.requirement
        writer.send(Event("progress", "setup", f"fetching {requirement}"))
    return datasets.location_of(run.data, run_folder.data)


def _version(
    run: Run, config: Path, data: str, run_folder: RunFolder, part: Part | None
) -> str:
    """Returns the digest of data that comes whole; "" if nothing reads it."""
    if part and "ReaderExampleGen" not in part.components:
        return ""
    besides = (run_folder.root, config.resolve())
    return datasets.version_of(run.data, data, besides=besides)


def _cause(error: BaseException) -> str:
    """Returns the message of an error, and its class unless it is this project's."""
    expected = (
        ConfigError,
        datasets.DatasetError,
        PartError,
        RunError,
        SpanError,
        TextFileError,
    )
    prefix = "" if isinstance(error, expected) else f"{type(error).__name__}: "
    text = f"{prefix}{str(error).strip()}"
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        text += ". Make room on the disk, and run the same command again."
    return text


def main() -> int:
    """Runs, and returns the exit code."""
    # Ctrl-C at a terminal reaches this process too; the one that started it decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--output-dir", required=True, type=Path)
    parser.add_argument("--events", required=True, type=int)
    parser.add_argument("--lock", required=True, type=int)
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--force", default="")
    parser.add_argument("--spans", type=int)
    parser.add_argument("--from", dest="first")
    parser.add_argument("--to", dest="last")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    run_folder = RunFolder(arguments.output_dir.resolve())
    lock = inherited_lock(arguments.lock, run_folder.lock_file)
    with (
        os.fdopen(arguments.events, "w") as file,
        held(Path(tempfile.gettempdir())),  # as the command does, which may be gone
    ):
        writer, result = EventWriter(file), dict[str, Any]()
        try:
            with stops_as_at_ctrl_c():
                end_when_orphaned(arguments.events, lock.tell)
                run_pipeline(
                    arguments.config,
                    run_folder,
                    writer,
                    result,
                    cache=not arguments.no_cache,
                    force=arguments.force,
                    at_most=arguments.spans,
                    first=arguments.first,
                    last=arguments.last,
                )
        except Exception as error:
            try:
                traceback.print_exc()
                writer.send(Event("failed", text=_cause(error), result=result))
            except BrokenPipeError:
                os._exit(1)  # who reads them is gone, and closing them fails as well
            return exit_code_of_error(error)
        except KeyboardInterrupt as signalled:
            # The process that sent the signal may be gone.
            with contextlib.suppress(BrokenPipeError):
                writer.send(Event("failed", text=f"stopped by {signalled}"))
            end_interrupted(signalled)
    return 0


if __name__ == "__main__":
    sys.exit(main())
