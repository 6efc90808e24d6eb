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
from configs.column import Column, Dtype

_SHOWN = 24


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
        """The type of the values: "string", "int64", "float", "nothing" or another."""
        values = self.lists.values
        if not len(values) or kinds.is_null(values.type):
            return "nothing"
        if self.is_text:
            return _kind_of_text(values)
        dtypes: tuple[Dtype, ...] = ("int64", "string", "float")
        named = [dtype for dtype in dtypes if fits(values.type, dtype)]
        if not named:
            return str(values.type)
        return (
            "not UTF-8" if named[0] == "string" and not _is_utf8(values) else named[0]
        )

    def fits(self, needed: Column) -> bool:
        """Tells whether the values as a whole are of the type that is needed.

        Single values of text may still be no number; `converted` finds those.
        """
        values = self.lists.values
        if not len(values) or kinds.is_null(values.type):
            return True
        if not self.is_text:
            return fits(values.type, needed.dtype)
        if needed.dtype == "string":
            return True
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
    batch: pa.RecordBatch, name: str, needed: Column | None, file: str, separator: str
) -> Seen:
    """Returns what a sample has in a column.

    Args:
        batch: from `components.files.sample`.
        name: of the column.
        needed: what it should hold.
        file: that the sample is of.
        separator: between the values of a ragged cell, if the file is CSV; else "".
    """
    array = batch.column(name)
    if separator:
        is_full = pc.greater(pc.binary_length(array), 0)
        cells = pc.if_else(is_full, array, pa.scalar(None, array.type))
        is_list = needed is not None and needed.ragged
        array = pc.split_pattern(cells, separator) if is_list else cells
    return Seen(name, file, listed(array), bool(separator))


def _kind_of_text(values: pa.Array) -> str:
    if not _is_utf8(values):
        return "not UTF-8"
    text = values.cast(pa.large_string())
    for kind, wanted in (("int64", pa.int64()), ("float", pa.float64())):
        try:
            text.cast(wanted)
        except pa.ArrowInvalid:
            continue
        return kind
    return "string"


def _is_utf8(values: pa.Array) -> bool:
    try:
        values.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True
