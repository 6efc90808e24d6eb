"""What a sample of the data has in a column, whatever was expected there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from shardline.components.readers.files.columns.canonical import (
    canonical,
    fits,
    misfits,
)
from shardline.components.readers.files.columns.lists import Lists, joined
from shardline.components.readers.files.columns.whole_numbers import (
    OTHER,
    whole_numbers,
)
from shardline.components.readers.files.judging.bad_input import BadInput, RowFaults
from shardline.components.readers.files.judging.remedies import FOR_ANY, Remedies, short
from shardline.configs.column import Column, Dtype

_SHOWN = 24
_TEXTS = 1000
_LONGEST = 100  # of a text that is looked at
DTYPES: tuple[Dtype, ...] = ("int64", "string", "float")
_WHOLE = r"^\s*[+-]?\d+\s*$"
_NO_NUMBER = r"^\s*([+-]?[nN][aA][nN])?\s*$"


@dataclasses.dataclass(frozen=True)
class ColumnSample:
    """One column of a sample, of all files that have it in one type.

    Attributes:
        name: the name of the column.
        files: the files that the sample is of, and how many rows of each, in order.
        lists: the values as stored, and how many each row has.
        is_text: whether numbers are text, as in CSV.
        needed: what the column should hold; None if it may be anything.
    """

    name: str
    files: tuple[tuple[str, int], ...]
    lists: Lists
    is_text: bool
    needed: Column | None

    @cached_property
    def kind(self) -> str:
        """The type of the values: "string", "int64", "float", "nothing" or another.

        Text of whole numbers, some of them beyond int64, is "int".
        """
        values = self.lists.values
        if not len(values) or kinds.is_null(values.type):
            return "nothing"
        if self.is_text:
            return _kind_of_text(self.present)
        kind = class_of(values.type)
        return "not UTF-8" if kind == "string" and not _is_utf8(values) else kind

    def fits(self, needed: Column) -> bool:
        """Tells whether the values as a whole are of the type that is needed.

        Single values of text may still be no number; `converted` finds those.
        """
        values = self.lists.values
        if kinds.is_null(values.type):
            return True
        if needed.dtype == "int64" and self.is_fractional:
            return False
        if not self.is_text:
            return fits(values.type, needed.dtype)
        if needed.dtype == "string" or self.kind in ("int64", "float"):
            return True  # of numbers each row tells what is wrong with it
        rows = np.unique(self.lists.row_of(misfits(values, needed, is_text=True)))
        return bool(2 * len(rows) < np.count_nonzero(self.lists.lengths))

    def misfits(self, needed: Column) -> np.ndarray:
        """Returns the positions of values that are not of a type, int64 [any].

        NaN and blanks, which stand for missing numbers, are left out if others are.
        """
        positions = misfits(self.lists.values, needed, is_text=self.is_text)
        present = positions[self.is_present[positions]]
        return present if len(present) else positions

    def converted(
        self, needed: Column, remedies: Remedies = FOR_ANY
    ) -> tuple[Lists, BadInput]:
        """Returns the values in the type needed, and which rows cannot be used.

        Args:
            needed: what the column should hold.
            remedies: what to do about bad rows.

        Raises:
            FileFault: the type of the values does not fit.
        """
        bad = BadInput("skip")
        typed = []
        for file, part in self._parts():
            faults = RowFaults(
                bad, len(part.lengths), file, lambda row: row + 1, "example"
            )
            lists, _ = canonical(
                self.name,
                part,
                needed,
                faults,
                is_text=self.is_text,
                remedies=remedies,
            )
            typed.append(lists)
        return joined(typed), bad

    def _parts(self) -> Iterator[tuple[str, Lists]]:
        """Yields the values of each file."""
        offsets, values, holed = self.lists
        start = 0
        for file, rows in self.files:
            of_file = offsets[start : start + rows + 1]
            part = values.slice(of_file[0], of_file[-1] - of_file[0])
            yield file, Lists(of_file - of_file[0], part, holed[start : start + rows])
            start += rows

    def texts(self, positions: np.ndarray) -> list[str]:
        """Returns the values at some positions as text, at most a thousand."""
        values = self.lists.values.take(pa.array(positions[:_TEXTS], pa.int64()))
        return [first_text(values[i : i + 1], _LONGEST) for i in range(len(values))]

    def location_of_value(self, position: int) -> str:
        """Returns the file of a value and the number of its row there, in words."""
        return self.location_of(int(self.lists.row_of(np.array([position]))[0]))

    def location_of(self, row: int) -> str:
        """Returns the file of a row and its number there, in words.

        Raises:
            IndexError: the sample has fewer rows.
        """
        for file, rows in self.files:
            if row < rows:
                return f"{file}, example {row + 1}"
            row -= rows
        raise IndexError(row)

    @cached_property
    def is_present(self) -> np.ndarray:
        """Which values are no NaN and no blank where a number is, bool [values]."""
        values = self.lists.values
        if kinds.is_floating(values.type):
            numbers: np.ndarray = values.to_numpy(zero_copy_only=False)
            held: np.ndarray = ~np.isnan(numbers)
            return held
        is_number = self.needed is not None and self.needed.dtype != "string"
        if self.is_text and is_number and _is_utf8(values):
            text = values.cast(pa.large_string())
            return ~np.asarray(pc.match_substring_regex(text, _NO_NUMBER))
        return np.ones(len(values), bool)

    @cached_property
    def present(self) -> pa.Array:
        """The values without those that stand for missing ones."""
        return self.lists.values.take(pa.array(np.flatnonzero(self.is_present)))

    @cached_property
    def missing(self) -> float:
        """The share of rows without a value."""
        return float(np.mean(self._counts == 0))

    @cached_property
    def _counts(self) -> np.ndarray:
        """How many values each row has, int64 [rows]."""
        counts = np.concatenate([[0], np.cumsum(self.is_present)])
        return np.diff(counts[self.lists.offsets])

    @cached_property
    def is_fractional(self) -> bool:
        """Whether most values are numbers that are not whole."""
        if self.kind != "float":
            return False
        _, codes = whole_numbers(self.present, is_text=self.is_text)
        return bool(2 * np.count_nonzero(codes == OTHER) >= len(codes))

    @cached_property
    def distinct(self) -> int | None:
        """How many values differ; None if that cannot be told, as of structs."""
        try:
            return int(pc.count_distinct(self.present).as_py())
        except pa.ArrowNotImplementedError:
            return None

    @property
    def values_a_row(self) -> tuple[int, int]:
        """The median and the largest number of values of a row."""
        lengths = np.sort(self._counts)
        return int(lengths[(len(lengths) - 1) // 2]), int(lengths[-1])

    @property
    def example(self) -> str:
        """The first value, cut short."""
        return first_text(self.present)


def first_text(values: pa.Array, most: int = _SHOWN) -> str:
    """Returns the first of some values as text, cut short; "" if there is none."""
    if not len(values):
        return ""
    try:
        value = values[0].as_py()
    except (ValueError, OverflowError, pa.ArrowException):
        value = " ".join(str(values[:1]).split())  # a time beyond what Python has
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def class_of(stored: pa.DataType) -> str:
    """Returns "string", "int64" or "float" if values are that, else their type."""
    if kinds.is_null(stored):
        return "nothing"
    if kinds.is_floating(stored) or kinds.is_decimal(stored):
        return "float"
    if kinds.is_uint64(stored):
        return "uint64"
    dtypes = [dtype for dtype in DTYPES if fits(stored, dtype)]
    return dtypes[0] if dtypes else short(stored)


def _kind_of_text(values: pa.Array) -> str:
    if not _is_utf8(values):
        return "not UTF-8"
    if not len(values):
        return "nothing"
    text = values.cast(pa.large_string())
    for kind, wanted in (("int64", pa.int64()), ("float", pa.float64())):
        try:
            text.cast(wanted)
        except pa.ArrowInvalid:
            continue
        if kind == "float" and pc.all(pc.match_substring_regex(text, _WHOLE)).as_py():
            return "int"  # beyond int64
        return kind
    return "string"


def _is_utf8(values: pa.Array) -> bool:
    try:
        values.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True
