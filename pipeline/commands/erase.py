"""`shardline erase`: ids leave a run folder, and do not come back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from shardline.components.folders.lock import LockError
from shardline.configs import load_run
from shardline.pipeline.commands.console import (
    console,
    end,
    failing_on,
    load,
    print_line,
)
from shardline.pipeline.commands.options import (
    Configuration,
    OutputDir,
    refused_if_remote,
)
from shardline.pipeline.run_folder import OutputError, run_folder_of
from shardline.pipeline.terminal.native_output import stderr_held_back
from shardline.pipeline.terminal.tables import print_table

if TYPE_CHECKING:
    from shardline.components.eraser.report import ErasureReport


def erase_ids(
    config: Configuration,
    feature: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The feature whose ids they are. All columns, and crosses, that hold "
            "ids of its table lose them.",
        ),
    ],
    ids: Annotated[
        Path,
        typer.Option(
            callback=refused_if_remote,
            metavar="FILE",
            help="The ids to erase, one a line.",
        ),
    ],
    output_dir: OutputDir = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Report what would be done; change nothing."),
    ] = False,
) -> None:
    """Erase ids from all that a run folder holds, published models included.

    The next run does not bring them back. If the command is stopped or
    killed, run it again: it does what is left. The exit code is 1 if an id
    is found afterwards.
    """
    run = load(config, load_run)
    run_folder = run_folder_of(run.name, output_dir)
    with (
        console.status("Loading TensorFlow and TFX"),
        stderr_held_back(),
    ):
        from shardline.components.contracts.text_file import TextFileError
        from shardline.components.eraser.scope import EraseError, scope_of
        from shardline.components.pusher.publication import PublicationError
        from shardline.pipeline.erasure.erase import erase

    errors = (EraseError, LockError, OSError, OutputError, PublicationError)
    with failing_on(*errors, TextFileError), stderr_held_back():
        scope = scope_of(run, feature, ids)
        if not run_folder.artifacts.is_dir():
            raise EraseError(f"{run_folder.root} holds no run: nothing to erase.")
        with run_folder.held(), console.status("Erasing"):
            report = erase(run, run_folder, scope, ids, is_dry_run=dry_run)
    _print(report)
    if not dry_run:
        print_line(f"The report is in {report.path_in(run_folder.root)}")
    end(1 if report.left else 0)


def _print(report: "ErasureReport") -> None:
    verb = "Would erase" if report.dry_run else "Erased"
    print_line(
        f"{verb} {report.ids} ids of `{report.feature}` from table {report.table} "
        f"and columns {', '.join(report.columns)}; {report.known} of them had a row"
    )
    if report.touched:
        table = Table(box=None, padding=(0, 1, 0, 0))
        for name in ("What", "Became", "How much"):
            table.add_column(name)
        for one in report.touched:
            table.add_row(
                escape(one.path), one.outcome, escape(one.change.text or one.why)
            )
        print_table(table, console)
    else:
        print_line("Nothing holds one of them")
    for note in report.notes:
        print_line(note)
    for place in report.left:
        print_line(f"Still there: {place}", "red")
