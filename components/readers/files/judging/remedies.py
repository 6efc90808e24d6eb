"""What to do about values that a column cannot use, by what reads the column."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import pyarrow.types as kinds

from shardline.configs.column import Dtype

_SHOWN = 60  # of a type
_OTHER: dict[Dtype, str] = {
    "string": "Write strings in UTF-8, or say the `encoding` of CSV in "
    "`data.files.dialect`.",
    "float": "Write numbers.",
}
_WORDS: dict[Dtype, str] = {
    "string": "strings",
    "int64": "whole numbers",
    "float": "numbers",
}


@dataclasses.dataclass(frozen=True)
class Remedies:
    """What to do about bad rows, each a sentence.

    Attributes:
        missing: one has no value where one is needed.
        several: one has several values where one is needed.
        other: one has a value that is no number; "" for what is said of any.
        hole: one has a list with a missing value among others.
    """

    missing: str
    several: str
    other: str = ""
    hole: str = "Leave it out of the list."

    def of_type(self, needed: Dtype) -> str:
        """Returns what to do about a value that is no string or no float."""
        return self.other or _OTHER[needed]


FOR_ANY = Remedies(
    "Give the number `missing`, or the feature a `default`; or write one.",
    "Give the feature `combiner` or `max_sequence_length`, or write one value.",
)
FOR_PAIRED = dataclasses.replace(
    FOR_ANY,
    hole="Write a value, or leave it out with the id or weight that belongs to it.",
)
FOR_LABEL = Remedies(
    "Write the label, or leave the example out of the file.",
    "Write one label.",
    "Give `data.files.label_words`, the numbers that its words stand for, or write "
    "numbers.",
)


def rewritten(stored: pa.DataType, needed: Dtype) -> str:
    """Says how to write values of a type that no column can have, or this one cannot.

    Args:
        stored: the type of the values, as `listed` gives them.
        needed: what the column must hold.
    """
    if kinds.is_struct(stored) or kinds.is_map(stored) or kinds.is_union(stored):
        return "Write the part that is wanted as a column of its own."
    if kinds.is_temporal(stored) and needed != "string":
        return f"Write it as {_WORDS[needed]}, such as seconds since 1970 for a time."
    if kinds.is_temporal(stored) or kinds.is_fixed_size_binary(stored):
        return f"Write it as {_WORDS[needed]}."
    if needed == "float":
        return "Write numbers."
    said = f"Say the `dtype` that the file has, or write {_WORDS[needed]}."
    if needed == "string" and (kinds.is_floating(stored) or kinds.is_decimal(stored)):
        return f"{said} `dtype: int64` takes whole numbers written so, too."
    return said


def short(stored: pa.DataType) -> str:
    """Returns a type in words that fit into a message."""
    words = str(stored)
    return words if len(words) <= _SHOWN else f"{words[: _SHOWN - 4]} ..."
