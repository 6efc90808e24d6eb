"""What a check found, as a table and lines, and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from shardline.components.checker.findings import Located
from shardline.components.checker.seen import Seen
from shardline.components.checker.uses import Use
from shardline.configs import ConfigError
from shardline.configs.column import Column


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
