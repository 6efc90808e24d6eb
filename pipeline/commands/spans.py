"""`shardline spans`: what became of each span of the data, and what to do about it."""

import contextlib
import dataclasses
import datetime
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from shardline.components.contracts.spans.plan import SpanPlan
from shardline.components.contracts.spans.state import (
    STATE_FILE,
    SpanState,
    StateError,
    load_state,
)
from shardline.components.contracts.text_file import write_text
from shardline.components.folders.lock import LockError
from shardline.components.readers.datasets import DatasetError, location_of
from shardline.components.remote.files import exists_remote
from shardline.components.span_planner.calendar import SpanError
from shardline.components.span_recorder import edits
from shardline.components.span_recorder.listing import ListedSpan, listed
from shardline.configs import ConfigError, load_run
from shardline.configs.locations import is_remote
from shardline.configs.schema import Run
from shardline.pipeline.commands.console import (
    console,
    failing_on,
    print_line,
)
from shardline.pipeline.commands.options import Configuration, OutputDir, PrintJson
from shardline.pipeline.run_folder import OutputError, RunFolder, run_folder_of
from shardline.pipeline.terminal.escaping import print_json
from shardline.pipeline.terminal.native_output import stderr_held_back
from shardline.pipeline.terminal.tables import print_table

spans = typer.Typer(
    no_args_is_help=True,
    help="List the spans of the data, leave one out, and train again.",
)

_Span = Annotated[
    str, typer.Argument(metavar="SPAN", help="Its name, such as 2026-11-30 or 17.")
]


_ServingDir = Annotated[
    str | None,
    typer.Option(
        help="The folder or URI that models of a platform are published to. "
        "Default: that of the run folder."
    ),
]


@spans.command("ls")
def list_spans(
    config: Configuration,
    output_dir: OutputDir = None,
    serving_dir: _ServingDir = None,
    data_path: Annotated[
        str | None,
        typer.Option(help="The raw data of a platform. Default: data.path."),
    ] = None,
    as_json: PrintJson = False,
) -> None:
    """List the spans, what became of them, and what the next run does."""
    # Readers of a user's own import TensorFlow, which greets.
    with _failing(), stderr_held_back():
        from shardline.components.span_planner.planning import oldest_start
        from shardline.pipeline.span_runs import found_spans, planned

        run, run_folder = _run_of(config, output_dir)
        state = load_state(serving_dir or str(run_folder.serving), run.name)
        data = data_path or location_of(run.data, run_folder.data)
        found = found_spans(run, data)
        plan, problem = _next(lambda: planned(run, state, found))
        assert run.data.spans
        rows = listed(state, found, plan, oldest_start(state, run.data.spans))
    coming = problem or _told(plan)
    if as_json:
        print_json({"spans": [dataclasses.asdict(row) for row in rows], "next": coming})
        return
    if rows:
        print_table(_table(rows), console)
    for row in rows:
        if row.note:
            print_line(f"{row.span} {row.status}: {row.note}")
    print_line(coming, "red" if problem else None)


@spans.command()
def skip(
    config: Configuration,
    span: _Span,
    reason: Annotated[
        str, typer.Option(help="Why; it is kept with the span and shown by `ls`.")
    ],
    output_dir: OutputDir = None,
    serving_dir: _ServingDir = None,
) -> None:
    """Leave a span out for good: no model learns it or is judged on it.

    It may be one that is missing, so that runs do not wait for it, or one
    whose model was refused.
    """
    with _changing(config, output_dir, serving_dir) as change:
        state, _ = change(lambda state: edits.skipped(state, span, reason))
    name = list(state.skipped)[-1]
    print_line(f"Span {name} is left out: {state.skipped[name]}")


@spans.command()
def retry(
    config: Configuration,
    output_dir: OutputDir = None,
    serving_dir: _ServingDir = None,
) -> None:
    """Have the next run train again what the refused model was trained on."""
    with _changing(config, output_dir, serving_dir) as change:
        _, before = change(edits.retried)
    assert before.refused is not None
    print_line(f"The next run trains on {before.refused.plan.spans} again")


@spans.command()
def replay(
    config: Configuration,
    span: Annotated[
        str,
        typer.Option(
            "--from", metavar="SPAN", help="The first span to train on again."
        ),
    ],
    output_dir: OutputDir = None,
    serving_dir: _ServingDir = None,
) -> None:
    """Go back to before a span was learnt; the next runs train on from there.

    Published models stay, and the newest is served until one of those runs
    publishes. The state that was is kept beside the new one.
    """
    with _changing(config, output_dir, serving_dir, keeps=True) as change:
        state, before = change(lambda state: edits.replayed(state, span))
    undone = len(before.runs) - len(state.runs)
    runs = "1 run is" if undone == 1 else f"{undone} runs are"
    left = "Training begins anew."
    if state.runs:
        left = f"The last that stays trained on {state.runs[-1].plan.spans}."
    print_line(f"{runs} undone. {left}")


_Change = Callable[[Callable[[SpanState], SpanState]], tuple[SpanState, SpanState]]


@contextlib.contextmanager
def _changing(
    config: Path,
    output_dir: Path | None,
    serving_dir: str | None,
    *,
    keeps: bool = False,
) -> Iterator[_Change]:
    """Gives what changes the state of a run, which no run uses meanwhile.

    It returns the state after the change, and the one before, which is kept in a file
    of its own if `keeps`. On a platform nothing keeps a run from using the state.
    """
    with _failing(), stderr_held_back(), contextlib.ExitStack() as stack:
        run, run_folder = _run_of(config, output_dir)
        folder = serving_dir or str(run_folder.serving)

        def change(
            edit: Callable[[SpanState], SpanState],
        ) -> tuple[SpanState, SpanState]:
            before = load_state(folder, run.name)
            after = edit(before)
            _check_base(after)
            if keeps:
                name = _backup_name()
                write_text(folder, name, before.model_dump_json(indent=1))
                print_line(f"The state that was is kept in {folder}/{name}")
            after.save(folder)
            return after, before

        if serving_dir is None:
            run_folder.make()
            stack.enter_context(run_folder.held())
        yield change


def _backup_name() -> str:
    now = datetime.datetime.now(datetime.UTC)
    return f"{STATE_FILE.removesuffix('.json')}-before-{now:%Y%m%dT%H%M%S}.json"


def _check_base(state: SpanState) -> None:
    """Refuses a state whose next run could not go on: what it goes on from is gone."""
    for folder in (
        (state.base.checkpoint, state.base.vocabularies, state.base.transform_graph)
        if state.base
        else ()
    ):
        if not (exists_remote if is_remote(folder) else os.path.exists)(folder):
            raise edits.EditError(
                f"The next run would go on from {folder}, which is gone. Go back "
                "further, or bring it back."
            )


def _run_of(config: Path, output_dir: Path | None) -> tuple[Run, RunFolder]:
    run = load_run(config)
    if run.data.spans is None:
        raise SpanError(
            f"The data of {config} does not come in spans. Say how it does under "
            "`data.spans`."
        )
    return run, run_folder_of(run.name, output_dir)


def _next(make: Callable[[], SpanPlan]) -> tuple[SpanPlan | None, str]:
    """Returns the next plan, or why there can be none."""
    try:
        return make(), ""
    except SpanError as error:
        return None, str(error)


def _told(plan: SpanPlan | None) -> str:
    assert plan is not None
    if not plan.is_due:
        return f"Nothing is due. Waiting for {plan.waits_for}"
    return f"Next: trains on {plan.spans}, judged on {plan.evaluate} ({plan.reason})"


def _table(rows: list[ListedSpan]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("Span", "Version", "Status", "Judged on", "AUC", "NE", "Served as"):
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(
            row.span,
            str(row.version or ""),
            row.status,
            row.judged_on or "",
            _metric(row, "auc"),
            _metric(row, "normalized_entropy"),
            row.served_version or "",
        )
    return table


def _metric(row: ListedSpan, name: str) -> str:
    return f"{row.metrics[name]:.4f}" if name in row.metrics else ""


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    """Ends the command with the message of what is wrong, without a trace."""
    from shardline.components.readers.files import BadInputError

    with failing_on(
        BadInputError,
        ConfigError,
        DatasetError,
        LockError,
        OSError,
        OutputError,
        SpanError,
        StateError,
        edits.EditError,
    ):
        yield
