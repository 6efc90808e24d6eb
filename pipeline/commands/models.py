"""`shardline models`: which versions are published, and which of them is served."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from shardline.configs import ConfigError, load_run
from shardline.configs.locations import is_remote
from shardline.pipeline.commands.console import console, failing_on, print_line
from shardline.pipeline.commands.options import OutputDir, PrintJson
from shardline.pipeline.run_folder import run_folder_of
from shardline.pipeline.terminal.escaping import print_json
from shardline.pipeline.terminal.native_output import stderr_held_back
from shardline.pipeline.terminal.tables import print_table

if TYPE_CHECKING:
    from shardline.components.pusher.listing import Listed
    from shardline.components.pusher.stores.store import Store

models = typer.Typer(
    no_args_is_help=True, help="List, promote, roll back and remove published models."
)

_Where = Annotated[
    str,
    typer.Argument(
        metavar="WHERE",
        help="The configuration of a run, or the folder or URI of published models.",
    ),
]


@models.command("ls")
def list_models(
    where: _Where, output_dir: OutputDir = None, as_json: PrintJson = False
) -> None:
    """List the published versions, the newest first.

    A star marks the version that is served.
    """
    with _failing_on_store_errors():
        from shardline.components.pusher.listing import listed

        store = _store(where, output_dir)
        rows = listed(store)
    if as_json:
        print_json([dataclasses.asdict(row) for row in rows])
    elif rows:
        print_table(_table(rows), console)
        for row in rows:
            if notes := _notes(row):
                print_line(f"{row.version} {notes}")
    else:
        print_line(f"{store.root} holds no published model")


@models.command()
def promote(
    where: _Where,
    version: Annotated[
        int, typer.Argument(metavar="VERSION", help="The version to serve again.")
    ],
    output_dir: OutputDir = None,
) -> None:
    """Serve an older version again, by publishing its content as a new version."""
    with _failing_on_store_errors():
        from shardline.components.pusher import history

        store = _filled_store(where, output_dir)
        published = history.promote(store, version)
    print_line(f"Version {published.version} has the content of version {version}")


@models.command()
def rollback(where: _Where, output_dir: OutputDir = None) -> None:
    """Serve the previous model again, by publishing its content as a new version.

    A second rollback goes back one model more.
    """
    with _failing_on_store_errors():
        from shardline.components.pusher import history

        store = _filled_store(where, output_dir)
        published = history.rollback(store)
        origin = store.publication(published.version).origin
    print_line(
        f"Version {published.version} has the content of version "
        f"{origin[history.PROMOTED]}; {origin[history.ROLLBACK_OF]} is no longer served"
    )


@models.command("gc")
def collect_garbage(
    where: _Where,
    keep: Annotated[
        int, typer.Option(min=1, help="How many versions to keep, the newest.")
    ],
    output_dir: OutputDir = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Report what would be removed; remove nothing."),
    ] = False,
) -> None:
    """Remove old versions, but none that a delta of a kept version builds on."""
    with _failing_on_store_errors():
        from shardline.components.pusher.retention import collect

        store = _filled_store(where, output_dir)
        with store.locked():
            freed = collect(store, keep, is_dry_run=dry_run)
    removed = ", ".join(str(version) for version in freed.versions) or "nothing"
    verb = "Would remove" if dry_run else "Removed"
    print_line(f"{verb} {removed}: {_megabytes(freed.bytes)} MB")


def _store(where: str, output_dir: Path | None) -> "Store":
    from shardline.components.pusher.stores.stores import open_store

    if is_remote(where) or Path(where).is_dir():
        return open_store(where)
    run = load_run(where)
    return open_store(run_folder_of(run.name, output_dir).serving)


def _filled_store(where: str, output_dir: Path | None) -> "Store":
    """Returns a store that has a version; makes no folder."""
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
    from shardline.components.evaluation.binary import undefined_lines

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
def _failing_on_store_errors() -> Iterator[None]:
    """Ends the command with the message of what a store refuses, without a trace.

    TensorFlow, which greets, is imported for object stores.
    """
    from shardline.components.pusher.publication import PublicationError

    with failing_on(ConfigError, OSError, PublicationError), stderr_held_back():
        yield
