"""What a sample of the data has in its columns, whatever was expected there."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from components.files.bad_input import BadInput, RowFaults
from components.files.canonical import Lists, canonical, fits, listed
from components.files.csv_lists import column_of_cells
from components.files.rules import ReadRules
from components.files.whole_numbers import OTHER, whole_numbers
from configs.column import Column, Dtype

_SHOWN = 24
_BEYOND_INT64 = "large integer"
_NUMBERS = ("int64", _BEYOND_INT64, "float")


@dataclasses.dataclass(frozen=True)
class Seen:
    """One column of a sample.

    Attributes:
        name: of the column.
        file: that the sample is of.
        lists: its values as stored, and how many each row has.
        is_text: whether numbers are text, as in CSV.
    """

    name: str
    file: str
    lists: Lists
    is_text: bool

    @cached_property
    def kind(self) -> str:
        """The type of the values: "string", "int64", "float", "nothing" or others."""
        values = self.lists.values
        if not len(values) or kinds.is_null(values.type):
            return "nothing"
        return _kind_of_text(values) if self.is_text else _kind_of_type(values)

    def fits(self, needed: Column) -> bool:
        """Tells whether the values as a whole are of the type that is needed.

        Single values of text may still be no number; `converted` finds those.
        """
        values = self.lists.values
        if not len(values) or kinds.is_null(values.type):
            return True
        if needed.dtype == "int64" and self.is_fractional:
            return False
        if not self.is_text:
            return fits(values.type, needed.dtype)
        if needed.dtype == "string" or self.kind in _NUMBERS:
            return True  # of numbers each row tells what is wrong with it
        _, bad = self.converted(needed)
        reason = f"column `{self.name}` does not hold"
        count = sum(n for r, n in bad.rows.items() if r.startswith(reason))
        return bool(2 * count < np.count_nonzero(self.lists.lengths))

    def converted(self, needed: Column) -> tuple[Lists, BadInput]:
        """Returns the values in the type needed, and which rows cannot be used.

        Raises:
            FileFault: if the type of the values does not fit.
        """
        bad = BadInput("skip")
        rows = len(self.lists.lengths)
        faults = RowFaults(bad, rows, self.file, lambda row: row + 1, "example")
        values, _ = canonical(
            self.name, self.lists, needed, faults, is_text=self.is_text
        )
        return values, bad

    @property
    def missing(self) -> float:
        """The share of rows without a value."""
        return float(np.mean(self.lists.lengths == 0))

    @cached_property
    def is_fractional(self) -> bool:
        """Whether most values are numbers that are not whole."""
        if self.kind != "float":
            return False
        _, codes = whole_numbers(self.lists.values, is_text=self.is_text)
        return bool(2 * np.count_nonzero(codes == OTHER) >= len(codes))

    @cached_property
    def distinct(self) -> int:
        """How many values differ."""
        return int(pc.count_distinct(self.lists.values).as_py())

    @property
    def values_a_row(self) -> tuple[int, int]:
        """The median and the largest number of values of a row."""
        lengths = np.sort(self.lists.lengths)
        return int(lengths[(len(lengths) - 1) // 2]), int(lengths[-1])

    @property
    def example(self) -> str:
        """The first value, cut short."""
        if not len(self.lists.values):
            return ""
        value = self.lists.values[0].as_py()
        text = (
            value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        )
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def seen_in(
    batch: pa.RecordBatch, name: str, needed: Column | None, file: str, rules: ReadRules
) -> Seen:
    """Returns what a sample has in a column.

    Args:
        batch: from `components.files.sample`.
        name: of the column.
        needed: what it should hold.
        file: that the sample is of.
        rules: how the file is read.
    """
    array = batch.column(name)
    is_text = rules.format == "csv"
    if is_text:
        array, _ = column_of_cells(array, needed, rules)
    return Seen(name, file, listed(array), is_text)


def _kind_of_type(values: pa.Array) -> str:
    stored = values.type
    if kinds.is_floating(stored) or kinds.is_decimal(stored):
        return "float"
    if kinds.is_uint64(stored):
        return "uint64"
    dtypes: tuple[Dtype, ...] = ("int64", "string")
    named = next((dtype for dtype in dtypes if fits(stored, dtype)), str(stored))
    return "not UTF-8" if named == "string" and not _is_utf8(values) else named


def _kind_of_text(values: pa.Array) -> str:
    if not _is_utf8(values):
        return "not UTF-8"
    text = values.cast(pa.large_string())
    for kind, wanted in (("int64", pa.int64()), ("float", pa.float64())):
        try:
            text.cast(wanted)
        except pa.ArrowInvalid:
            continue
        is_whole = pc.match_substring_regex(text, "^[+-]?[0-9]+$")
        return _BEYOND_INT64 if kind == "float" and pc.all(is_whole).as_py() else kind
    return "string"


def _is_utf8(values: pa.Array) -> bool:
    try:
        values.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True
