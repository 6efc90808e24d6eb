"""`shardline models` and `shardline agent`: what is published, and what is served."""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from shardline.components.evaluation.binary import undefined_lines
from shardline.configs import ConfigError, load_run
from shardline.pipeline.run_folder import run_folder_of
from shardline.pipeline.terminal.escaping import (
    EscapingConsole,
    log_to_terminal,
    print_json,
)
from shardline.pipeline.terminal.tables import print_table

if TYPE_CHECKING:
    from shardline.components.pusher.listing import Listed
    from shardline.components.pusher.stores.store import Store

models = typer.Typer(
    no_args_is_help=True, help="List, promote, roll back and remove published models."
)
_console = EscapingConsole(markup=False)
_errors = EscapingConsole(stderr=True)

_Where = Annotated[
    str,
    typer.Argument(
        metavar="WHERE", help="A run's configuration, or a serving folder or its uri."
    ),
]
_OutputDir = Annotated[
    Path | None,
    typer.Option(help="Where the run's outputs are. Default: runs/<name of the run>."),
]


@models.command("ls")
def list_models(
    where: _Where,
    output_dir: _OutputDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the versions as JSON.")
    ] = False,
) -> None:
    """List the published versions, newest first."""
    with _faults_in_a_line():
        from shardline.components.pusher.listing import listed

        store = _store(where, output_dir)
        rows = listed(store)
    if as_json:
        print_json([dataclasses.asdict(row) for row in rows])
    elif rows:
        print_table(_table(rows), _console)
        for row in rows:
            if notes := _notes(row):
                _say(f"{row.version} {notes}")
    else:
        _say(f"{store.root} holds no published model")


@models.command()
def promote(
    where: _Where,
    version: Annotated[int, typer.Argument(help="The version to serve again.")],
    output_dir: _OutputDir = None,
) -> None:
    """Serve an older version again: publish it anew."""
    with _faults_in_a_line():
        from shardline.components.pusher import history

        store = _filled_store(where, output_dir)
        published = history.promote(store, version)
    _say(f"Version {published.version} has the content of version {version}")


@models.command()
def rollback(where: _Where, output_dir: _OutputDir = None) -> None:
    """Serve the model before this one again; twice, the one before that."""
    with _faults_in_a_line():
        from shardline.components.pusher import history

        store = _filled_store(where, output_dir)
        published = history.rollback(store)
        origin = store.publication(published.version).origin
    _say(
        f"Version {published.version} has the content of version "
        f"{origin[history.PROMOTED]}; {origin[history.ROLLBACK_OF]} is no longer served"
    )


@models.command("gc")
def collect_garbage(
    where: _Where,
    keep: Annotated[int, typer.Option(min=1, help="Versions to keep, the newest.")],
    output_dir: _OutputDir = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
) -> None:
    """Remove old versions, and none that a kept one needs."""
    with _faults_in_a_line():
        from shardline.components.pusher.retention import collect

        store = _filled_store(where, output_dir)
        with store.locked():
            freed = collect(store, keep, is_dry_run=dry_run)
    removed = ", ".join(str(version) for version in freed.versions) or "nothing"
    verb = "Would remove" if dry_run else "Removed"
    _say(f"{verb} {removed}: {_megabytes(freed.bytes)} MB")


def agent(
    source: Annotated[
        str, typer.Argument(help="The folder, or uri, that models are published to.")
    ],
    target: Annotated[
        str, typer.Argument(help="The folder that the model server watches.")
    ],
    every: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two looks.")
    ] = 10.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end.")] = False,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Versions to keep. Default: all.")
    ] = None,
) -> None:
    """Keep the newest published version beside a server, made from deltas.

    Looks every few seconds until SIGTERM or SIGINT; fetches only what changed.
    """
    with _faults_in_a_line():
        from shardline.components.pusher.agent import run_agent
        from shardline.components.pusher.stores.stores import open_store

        log_to_terminal(logging.WARNING, logging.INFO, "shardline")
        is_up_to_date = run_agent(
            open_store(source),
            open_store(target),
            every_s=every,
            keep=keep,
            is_once=once,
        )
    if once and not is_up_to_date:
        _end()


def _store(where: str, output_dir: Path | None) -> "Store":
    from shardline.components.pusher.stores.stores import open_store

    if "://" in where or Path(where).is_dir():
        return open_store(where)
    run = load_run(where)
    return open_store(run_folder_of(run.name, output_dir).serving)


def _filled_store(where: str, output_dir: Path | None) -> "Store":
    """Returns a store that there is something to do in; makes no folder."""
    from shardline.components.pusher.publication import PublicationError

    store = _store(where, output_dir)
    if store.newest() is None:
        raise PublicationError(
            f"{store.root} holds no published model. Run the pipeline first."
        )
    return store


def _table(rows: list["Listed"]) -> Table:
    """Fits 80 columns; where it does not, times are broken after the date."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("Version", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("Kind", no_wrap=True)
    for name in ("MB", "Delta\nMB", "Delta\nrows"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Published (UTC)")
    for name in ("AUC", "NE", "Digest"):
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(
            str(row.version),
            "*" if row.served else "",
            row.kind,
            _megabytes(row.bytes),
            _megabytes(row.delta_bytes),
            "" if row.table_rows is None else f"{row.table_rows:,}",
            (row.published_at or "")[:16].replace("T", " "),
            _metric(row.metrics, "auc"),
            _metric(row.metrics, "normalized_entropy"),
            (row.digest or "")[:12],
        )
    return table


def _megabytes(count: int | None) -> str:
    return "" if count is None else f"{count / 1e6:,.2f}"


def _metric(metrics: Mapping[str, Any], name: str) -> str:
    return f"{metrics[name]:.4f}" if name in metrics else ""


def _notes(row: "Listed") -> str:
    notes = []
    if row.digest is None:
        notes.append("has no publication")
    notes += [f"was not judged: {line}" for line in undefined_lines(row.undefined)]
    if row.promoted is not None:
        notes.append(f"has the content of {row.promoted}")
    if row.rollback_of is not None:
        notes.append(f"is a rollback of {row.rollback_of}")
    if row.forced is not None:
        notes.append(f"was forced: {row.forced}")
    return "; ".join(notes)


@contextlib.contextmanager
def _faults_in_a_line() -> Iterator[None]:
    """Ends the command with a message, not with a trace."""
    from shardline.components.pusher.publication import PublicationError

    try:
        yield
    except (ConfigError, OSError, PublicationError) as error:
        _errors.print(str(error), style="red", markup=False, soft_wrap=True)
        _end()


def _end() -> None:
    raise typer.Exit(1)


def _say(text: str) -> None:
    _console.print(text, soft_wrap=True, markup=False, highlight=False)
