"""`shardline metadata check`: whether a run folder and its metadata store agree."""

import dataclasses
import json
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
    fail,
    failing_on,
    load,
    print_line,
)
from shardline.pipeline.commands.options import (
    OutputDir,
    PrintJson,
    refused_if_remote,
)
from shardline.pipeline.run_folder import OutputError, RunFolder, run_folder_of
from shardline.pipeline.terminal.native_output import stderr_held_back
from shardline.pipeline.terminal.tables import print_table

if TYPE_CHECKING:
    from shardline.pipeline.metadata.findings import Finding, Report

_WRONG_USAGE = 2

metadata = typer.Typer(
    no_args_is_help=True,
    help="Look after what runs have recorded.",
)


@metadata.command("check")
def check(
    config: Annotated[
        Path | None,
        typer.Argument(
            callback=refused_if_remote,
            metavar="CONFIG",
            help="The configuration of the run: a YAML file. Not needed with "
            "--output-dir.",
        ),
    ] = None,
    output_dir: OutputDir = None,
    mend: Annotated[
        bool,
        typer.Option(
            "--mend", help="Mend what can be mended; no run may be in the folder."
        ),
    ] = False,
    as_json: PrintJson = False,
) -> None:
    """Check that a run folder holds what its metadata store says, and no more.

    It finds executions that no process runs, artifacts without their files,
    files of no artifact, types that are there twice, and a damaged store.
    The exit code is 1 if something is found, or could not be mended.
    """
    run_folder = _run_folder(config, output_dir)
    with console.status("Loading TFX"), stderr_held_back():
        from shardline.pipeline.metadata.findings import NoStoreError, find
        from shardline.pipeline.metadata.mending import mend as mend_findings
        from shardline.pipeline.metadata.store import BusyStoreError

    mended: list[Finding] = []
    errors = (BusyStoreError, LockError, NoStoreError, OSError, OutputError)
    with failing_on(*errors), stderr_held_back():
        report = find(run_folder)
        if mend:
            with run_folder.held():
                mended, report = mend_findings(run_folder)
    if as_json:
        found = {
            **dataclasses.asdict(report),
            "mended": [dataclasses.asdict(finding) for finding in mended],
        }
        print_line(json.dumps(found, indent=1))
    else:
        _print(run_folder, report, mended)
    end(1 if report.findings else 0)


def _run_folder(config: Path | None, output_dir: Path | None) -> RunFolder:
    """Returns the run folder that is meant."""
    if config is not None:
        return run_folder_of(load(config, load_run).name, output_dir)
    if output_dir is None:
        fail(ValueError("Give a configuration, or --output-dir."), _WRONG_USAGE)
    return RunFolder(output_dir.resolve())


def _print(run_folder: RunFolder, report: "Report", mended: "list[Finding]") -> None:
    if report.held_by:
        print_line(
            f"Held by {report.held_by}: what is running there is left out of this"
        )
    for finding in mended:
        print_line(f"Mended ({finding.mending}): {finding.what}: {finding.why}")
    if not report.findings:
        print_line(f"{run_folder.root} holds what its metadata store says")
        return
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("What", "Found", "Why", "With --mend"):
        table.add_column(name)
    for finding in report.findings:
        table.add_row(
            escape(finding.what), finding.kind, escape(finding.why), finding.mending
        )
    print_table(table, console)
