"""What a check found, for tables and lines, and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shardline.components.checker.column_sample import ColumnSample
from shardline.components.checker.findings import Finding, Located, in_order
from shardline.components.checker.uses import Use
from shardline.configs import ConfigError
from shardline.configs.column import Column


@dataclasses.dataclass(frozen=True)
class ColumnReport:
    """One column: what reads it, what is expected there, and what there is.

    Attributes:
        name: the name of the column.
        users: the parts of the configuration that read it.
        expected: what they expect, in words.
        found: what a sample or a reader has, in words; "absent" if it has nothing.
        missing: the share of rows without a value; None if no sample was taken.
        values_a_row: median and largest number of values of a row; None likewise.
        distinct: how many values differ; None likewise, or if values do not compare.
        example: one of the values.
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
        config: the path of the configuration.
        columns: the columns that are read.
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
        """The findings that are hints."""
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


@dataclasses.dataclass
class Draft:
    """What a check has found so far; its steps add to it.

    Attributes:
        findings: faults and hints, in any order.
        columns: the columns that are read.
        notes: what was not checked, and why.
    """

    findings: list[Finding] = dataclasses.field(default_factory=list)
    columns: list[ColumnReport] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def has_faults(self) -> bool:
        """Whether any finding is a fault."""
        return any(finding.is_fault for finding in self.findings)

    def report(self, config: Path, rows: int | None) -> Report:
        """Returns the report.

        Args:
            config: the configuration, for the lines of the findings.
            rows: how many examples were sampled; None if none could be.
        """
        return Report(
            str(config),
            tuple(self.columns),
            tuple(in_order(self.findings, config)),
            rows,
            tuple(self.notes),
        )


def _as_json(located: Located) -> dict[str, Any]:
    finding = located.finding
    return {
        "line": located.line,
        "text": located.text,
        "place": ".".join(finding.config_path),
        "who": finding.who,
        "column": finding.column,
        "fact": finding.message,
        "remedy": finding.remedy,
    }


def static_json(config: str, error: ConfigError) -> dict[str, Any]:
    """Returns what `--json` prints of faults that a configuration shows by itself."""
    faults = [{"line": fault.line or 1, "text": str(fault)} for fault in error.faults]
    verdict = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    return {"config": config, "rows": None, "faults": faults, "verdict": verdict}


def of_sample(
    name: str,
    users: Sequence[Use],
    needed: Column | None,
    sample: ColumnSample | None = None,
) -> ColumnReport:
    """Returns the report of a column that a sample was searched for.

    Args:
        name: the name of the column.
        users: what reads it.
        needed: what it must hold; None if it may be anything.
        sample: what it holds; None if the sample lacks it.
    """
    who, expected = tuple(use.who for use in users), _expected(needed)
    if sample is None:
        return ColumnReport(name, who, expected, "absent")
    return ColumnReport(
        name,
        who,
        expected,
        sample.kind,
        sample.missing,
        sample.values_a_row,
        sample.distinct,
        sample.example,
    )


def of_reader(
    name: str, users: Sequence[Use], needed: Column | None, declared: Column | None
) -> ColumnReport:
    """Returns the report of a column that a reader may declare.

    Args:
        name: the name of the column.
        users: what reads it.
        needed: what it must hold; None if it may be anything.
        declared: what the reader says that it holds; None if it has no such column.
    """
    found = _expected(declared) if declared else "absent"
    return ColumnReport(name, tuple(use.who for use in users), _expected(needed), found)


def _expected(needed: Column | None) -> str:
    if needed is None:
        return "any"
    if needed.ragged:
        return f"{needed.dtype} list"
    return f"{needed.dtype} or none" if needed.optional else needed.dtype
