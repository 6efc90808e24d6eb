"""What a check found, as a table and lines, and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from configs import ConfigError
from configs.column import Column
from configs.shown import shown
from pipeline.check.findings import Located
from pipeline.check.seen import Seen
from pipeline.check.uses import Use
from pipeline.tables import show


@dataclasses.dataclass(frozen=True)
class ColumnReport:
    """One column: who reads it, what they expect, what there is.

    Attributes:
        name: of the column.
        users: who reads it.
        expected: what they expect, in words.
        found: what a sample or a reader has, in words; "absent" if it has none.
        missing: the share of rows without a value; None if no sample was taken.
        values_a_row: their median and most; likewise.
        distinct: how many values differ; likewise, or if that cannot be told.
        example: one value.
    """

    name: str
    users: tuple[str, ...]
    expected: str
    found: str
    missing: float | None = None
    values_a_row: tuple[int, int] | None = None
    distinct: int | None = None
    example: str = ""


@dataclasses.dataclass(frozen=True)
class Report:
    """All that a check found.

    Attributes:
        config: the configuration's path.
        columns: that are read.
        findings: faults and hints, in the order of lines.
        rows: how many examples were sampled; None if none could be.
        notes: what was not checked, and why.
    """

    config: str
    columns: tuple[ColumnReport, ...] = ()
    findings: tuple[Located, ...] = ()
    rows: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def faults(self) -> list[Located]:
        """The findings that are faults."""
        return [f for f in self.findings if f.finding.is_fault]

    @property
    def hints(self) -> list[Located]:
        """The findings that are not."""
        return [f for f in self.findings if not f.finding.is_fault]

    @property
    def verdict(self) -> str:
        """One line on the whole."""
        if self.faults:
            count = len(self.faults)
            return f"{count} fault{'s' if count > 1 else ''}"
        fit = f"{len(self.columns)} columns fit"
        sampled = "no sample taken" if self.rows is None else f"{self.rows:,} examples"
        return f"{fit}, {sampled}{' sampled' if self.rows is not None else ''}"

    def to_json(self) -> dict[str, Any]:
        """Returns what `--json` prints."""
        return {
            "config": self.config,
            "rows": self.rows,
            "columns": [dataclasses.asdict(column) for column in self.columns],
            "faults": [_as_json(fault) for fault in self.faults],
            "hints": [_as_json(hint) for hint in self.hints],
            "notes": list(self.notes),
            "verdict": self.verdict,
        }


def _as_json(located: Located) -> dict[str, Any]:
    finding = located.finding
    return {
        "line": located.line,
        "text": located.text,
        "place": ".".join(finding.place),
        "who": finding.who,
        "column": finding.column,
        "fact": finding.fact,
        "remedy": finding.remedy,
    }


def static_json(config: str, error: ConfigError) -> dict[str, Any]:
    """Returns what `--json` prints of faults that a configuration shows by itself."""
    told = str(error).splitlines()
    faults = []
    for text in told:
        line = text.removeprefix(f"{config}:").partition(":")[0]
        faults.append({"line": int(line) if line.isdigit() else 1, "text": text})
    verdict = f"{len(told)} fault{'s' if len(told) > 1 else ''}"
    return {"config": config, "rows": None, "faults": faults, "verdict": verdict}


def of_sample(
    name: str, users: Sequence[Use], needed: Column | None, seen: Seen | None = None
) -> ColumnReport:
    """Returns the report of a column that a sample was searched for."""
    who, expected = tuple(use.who for use in users), _expected(needed)
    if seen is None:
        return ColumnReport(name, who, expected, "absent")
    return ColumnReport(
        name,
        who,
        expected,
        seen.kind,
        seen.missing,
        seen.values_a_row,
        seen.distinct,
        seen.example,
    )


def of_reader(
    name: str, users: Sequence[Use], needed: Column | None, declared: Column | None
) -> ColumnReport:
    """Returns the report of a column that a reader may declare."""
    found = _expected(declared) if declared else "absent"
    return ColumnReport(name, tuple(use.who for use in users), _expected(needed), found)


def _expected(needed: Column | None) -> str:
    if needed is None:
        return "any"
    if needed.ragged:
        return f"{needed.dtype} list"
    return f"{needed.dtype} or none" if needed.optional else needed.dtype


def render(report: Report, console: Console) -> None:
    """Shows a report."""
    if report.columns:
        show(_table(report), console)
    for note in report.notes:
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    for style, findings in (("yellow", report.hints), ("red", report.faults)):
        for located in findings:
            hint = "" if located.finding.is_fault else "[dim]hint[/] "
            text = f"{hint}[{style}]{escape(located.text)}[/]"
            console.print(text, highlight=False, soft_wrap=True)
    style = "red" if report.faults else "green"
    console.print(f"[{style}]{escape(report.verdict)}[/]", highlight=False)


def _table(report: Report) -> Table:
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


def _cells(column: ColumnReport, report: Report) -> list[str]:
    users = "\n".join(user.replace("`", "") for user in column.users)
    cells = [shown(column.name), users, column.expected, shown(column.found)]
    if report.rows is not None:
        cells += _numbers(column)
    cells = [escape(cell) for cell in cells]
    return [*cells, _verdict(column, report)]


def _numbers(column: ColumnReport) -> list[str]:
    if column.missing is None or column.values_a_row is None:
        return ["", "", "", ""]
    a_row = ", ".join(f"{count:,}" for count in column.values_a_row)
    missing = f"{column.missing:.1%}" if column.missing else "0"
    distinct = "" if column.distinct is None else f"{column.distinct:,}"
    return [missing, a_row, distinct, shown(column.example)]


def _verdict(column: ColumnReport, report: Report) -> str:
    own = [f.finding for f in report.findings if f.finding.column == column.name]
    if column.found == "absent" or any(finding.is_fault for finding in own):
        return "[red]fault[/]"
    return "[yellow]hint[/]" if own else "[green]fits[/]"
