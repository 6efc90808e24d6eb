"""`shardline check`: a configuration compared with a sample of its data."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shardline.configs import ConfigError, load_job
from shardline.configs.shown import shown
from shardline.pipeline.commands.console import console, end, fail
from shardline.pipeline.commands.options import Configuration, PrintJson
from shardline.pipeline.commands.temporary_folder import temporary_folder_removed
from shardline.pipeline.terminal.escaping import print_json
from shardline.pipeline.terminal.native_output import stderr_held_back
from shardline.pipeline.terminal.tables import print_table

if TYPE_CHECKING:
    from shardline.components.checker.report import ColumnReport, Report


def check_configuration(
    config: Configuration,
    rows: Annotated[
        int, typer.Option(min=1, help="How many examples to sample.")
    ] = 1000,
    as_json: PrintJson = False,
) -> None:
    """Find mistakes in a configuration and in its data before anything runs.

    Compares what the configuration says of each column with a sample of the
    data. The exit code is 1 if there is a fault, which would stop a run; hints
    do not count.
    """
    try:
        load_job(config)  # its own faults, before anything slow is imported
        from shardline.components.checker.checking import check

        with (
            console.status("") as status,
            stderr_held_back(),
            temporary_folder_removed(),
        ):
            report = check(config, rows, status.update)
    except ConfigError as error:
        if as_json:
            from shardline.components.checker.report import static_json

            print_json(static_json(str(config), error))
            end(1)
        fail(error)
    if as_json:
        print_json(report.to_json())
    else:
        print_report(report, console)
    end(1 if report.faults else 0)


def print_report(report: "Report", console: Console) -> None:
    """Prints a table of the columns, then the notes, hints, faults and the verdict."""
    if report.columns:
        print_table(_table(report), console)
    for note in report.notes:
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    for style, findings in (("yellow", report.hints), ("red", report.faults)):
        for located in findings:
            hint = "" if located.finding.is_fault else "[dim]hint[/] "
            text = f"{hint}[{style}]{escape(located.text)}[/]"
            console.print(text, highlight=False, soft_wrap=True)
    style = "red" if report.faults else "green"
    console.print(f"[{style}]{escape(report.verdict)}[/]", highlight=False)


def _table(report: "Report") -> Table:
    title = f"What {escape(report.config)} reads"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for header in ("column", "read by", "expected", "found"):
        table.add_column(header)
    if report.rows is not None:
        table.add_column("missing", justify="right", no_wrap=True)
        table.add_column("values a row\n(p50, max)", justify="right", no_wrap=True)
        table.add_column("distinct", justify="right", no_wrap=True)
        table.add_column("such as")
    table.add_column("", no_wrap=True)
    for column in report.columns:
        table.add_row(*_cells(column, report))
    return table


def _cells(column: "ColumnReport", report: "Report") -> list[str]:
    users = "\n".join(user.replace("`", "") for user in column.users)
    cells = [shown(column.name), users, column.expected, shown(column.found)]
    if report.rows is not None:
        cells += _numbers(column)
    cells = [escape(cell) for cell in cells]
    return [*cells, _verdict(column, report)]


def _numbers(column: "ColumnReport") -> list[str]:
    if column.missing is None or column.values_a_row is None:
        return ["", "", "", ""]
    a_row = ", ".join(f"{count:,}" for count in column.values_a_row)
    missing = f"{column.missing:.1%}" if column.missing else "0"
    distinct = "" if column.distinct is None else f"{column.distinct:,}"
    return [missing, a_row, distinct, shown(column.example)]


def _verdict(column: "ColumnReport", report: "Report") -> str:
    findings = [f.finding for f in report.findings if f.finding.column == column.name]
    if column.found == "absent" or any(finding.is_fault for finding in findings):
        return "[red]fault[/]"
    return "[yellow]hint[/]" if findings else "[green]fits[/]"
