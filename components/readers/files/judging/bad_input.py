"""What was bad in files: an error at once, or counts by reason and the first locations.

A row can be bad, and a whole file: one that cannot be read, or from some byte on. A
file without rows is not bad, but named. The counts of several workers merge into the
same whatever order they come in.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from shardline.components.readers.files.judging.unmatched import Unmatched
from shardline.configs.shown import escaped

_FIRST_LOCATIONS = 3
_NAMED_EMPTY = 10  # of files without rows, in lines
_SKIP = (
    "Or set `data.files.on_bad_example: skip`, to leave what is bad out and have it "
    "counted."
)
_SKIP_FILE = (
    "Or set `data.files.on_bad_file: skip`, to leave such a file out from there on and "
    "have it named."
)


class BadInputError(ValueError):
    """Files of examples that cannot be used as they are."""


class FileFault(Exception):
    """A file is bad from here on; the message tells why, without its name."""


@dataclass
class BadInput:
    """Counts what is left out; in mode "error" raises instead.

    Attributes:
        on_bad_example: the mode for rows.
        on_bad_file: the mode for files.
        rows: how many examples were left out, by reason.
        first: the first few of them by reason, each (file, number in it, in words).
        files: what is wrong with bad files, by file; rows before are used.
        empty: files without rows, whatever the mode.
        unmatched: examples that have no row in side files.
        leftovers: in words, files of distributed writers that were not read.
    """

    on_bad_example: Literal["error", "skip"] = "error"
    on_bad_file: Literal["error", "skip"] = "error"
    rows: dict[str, int] = field(default_factory=dict)
    first: dict[str, list[tuple[str, int, str]]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    unmatched: Unmatched = field(default_factory=Unmatched)
    leftovers: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> BadInput:
        """Returns what `dataclasses.asdict` has made a dictionary of."""
        unmatched = Unmatched(**told.get("unmatched", {}))
        return cls(**{**told, "unmatched": unmatched})

    def add(self, reason: str, count: int, first: list[tuple[str, int, str]]) -> None:
        """Counts bad rows.

        Args:
            reason: the same words for all rows that have the same fault.
            count: how many.
            first: the first few or all, each (file, number in it, in words).

        Raises:
            BadInputError: the mode is "error".
        """
        if self.on_bad_example == "error":
            raise BadInputError(f"{first[0][2]} {_SKIP}")
        self.rows[reason] = self.rows.get(reason, 0) + count
        known = [*self.first.get(reason, []), *first]
        # What comes back from JSON has lists for tuples.
        self.first[reason] = sorted((f, n, words) for f, n, words in known)
        del self.first[reason][_FIRST_LOCATIONS:]

    def add_file(self, file: str, fault: str) -> None:
        """Counts a bad file, once however often it is read.

        Raises:
            BadInputError: the mode is "error".
        """
        if self.on_bad_file == "error":
            raise BadInputError(f"{escaped(file, keep='')}: {fault} {_SKIP_FILE}")
        self.files[file] = min(fault, self.files.get(file, fault))

    def add_empty(self, file: str) -> None:
        """Tells of a file without rows, once however often it is read."""
        self.empty = sorted({*self.empty, file})

    def add_leftovers(self, said: str) -> None:
        """Tells of files that were not read, once however often it is told."""
        self.leftovers = sorted({*self.leftovers, said})

    @property
    def left_out(self) -> int:
        """How many rows were left out, for any reason."""
        return sum(self.rows.values())

    def merge(self, other: BadInput) -> None:
        """Adds what another worker counted."""
        for reason, count in other.rows.items():
            self.add(reason, count, other.first[reason])
        for file, fault in other.files.items():
            self.add_file(file, fault)
        for file in other.empty:
            self.add_empty(file)
        self.unmatched.merge(other.unmatched)
        for said in other.leftovers:
            self.add_leftovers(said)

    def __bool__(self) -> bool:
        """Tells whether anything was left out."""
        return bool(self.rows or self.files or self.empty or self.leftovers)

    def lines(self, noun: str = "example") -> list[str]:
        """Returns the counts in readable lines; none if nothing was bad.

        Args:
            noun: what a row of the files is.
        """
        lines = []
        for reason, count in sorted(self.rows.items(), key=lambda item: -item[1]):
            nouns = noun if count == 1 else f"{noun}s"
            lines.append(f"{count} {nouns} left out: {reason}")
            lines += [f"  {words}" for _, _, words in self.first[reason]]
        if self.files:
            damaged = sorted(self.files.items())
            files = "file" if len(damaged) == 1 else "files"
            lines.append(f"{len(damaged)} {files} bad, left out from the fault on")
            lines += [f"  {escaped(file, keep='')}: {fault}" for file, fault in damaged]
        if self.empty:
            files = "file" if len(self.empty) == 1 else "files"
            lines.append(f"{len(self.empty)} {files} without rows left out")
            lines += [
                f"  {escaped(file, keep='')}" for file in self.empty[:_NAMED_EMPTY]
            ]
            if len(self.empty) > _NAMED_EMPTY:
                lines.append(f"  and {len(self.empty) - _NAMED_EMPTY} more")
        return [*lines, *self.leftovers, *self.unmatched.lines()]


class RowFaults:
    """The bad rows of one batch; the first fault of a row counts."""

    def __init__(
        self,
        bad: BadInput,
        rows: int,
        file: str,
        number_of: Callable[[int], int],
        unit: str,
        first_number: int = 0,
    ) -> None:
        """Starts with good rows only.

        Args:
            bad: where faults are counted.
            rows: how many rows the batch has.
            file: the file they come from.
            number_of: gives the number in the file of a row of the batch.
            unit: what is numbered, such as "line".
            first_number: no row of the batch has a smaller number; told without any
                search for the number of a row.
        """
        self.good = np.ones(rows, bool)
        self._bad = bad
        self._file = file
        self._number_of = number_of
        self._unit = unit
        self._first_number = first_number
        self._told: Callable[[int], str] | None = None

    def place_of(self, row: int) -> tuple[str, int]:
        """Returns the file of a row of the batch, and its number there."""
        return self._file, self._number_of(row)

    @property
    def start(self) -> tuple[str, int]:
        """The file of the batch, and a number there that no row of it is before."""
        return self._file, self._first_number

    def location_of(self, row: int) -> str:
        """Returns the file of a row of the batch and its number there, in words."""
        file = escaped(self._file, keep="")
        return f"{file}, {self._unit} {self._number_of(row)}"

    def told_with(self, told: Callable[[int], str]) -> RowFaults:
        """Returns the same rows, of whose faults something more is told.

        Args:
            told: tells it of a row, in words that follow those on what came.
        """
        faults = copy.copy(self)
        faults._told = told
        return faults

    def pass_over(self, rows: np.ndarray) -> np.ndarray:
        """Takes good rows for others' matter, whose faults are not told.

        Args:
            rows: which, bool [rows].

        Returns:
            Those of them that were good, bool [rows].
        """
        passed: np.ndarray = rows & self.good
        self.good[passed] = False
        return passed

    def mark(
        self, rows: np.ndarray, reason: str, came: Callable[[int], str], remedy: str
    ) -> None:
        """Marks rows as bad, and counts those that were not yet.

        Args:
            rows: their numbers in the batch, int64 [any], in any order.
            reason: what is wrong, the same words for all.
            came: tells what a row holds instead.
            remedy: what to do about it.

        Raises:
            BadInputError: bad examples are errors.
        """
        rows = np.unique(rows[self.good[rows]])
        if not len(rows):
            return
        self.good[rows] = False
        first = []
        for row in rows[:_FIRST_LOCATIONS].tolist():
            more = f"; {self._told(row)}" if self._told else ""
            words = f"{self.location_of(row)}: {reason}: {came(row)}{more}. {remedy}"
            first.append((*self.place_of(row), words))
        self._bad.add(reason, len(rows), first)
