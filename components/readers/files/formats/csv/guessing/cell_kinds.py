"""What a cell of CSV looks like: a number, a date, a word, a list, text."""

from __future__ import annotations

import re
from typing import NamedTuple

# Words that stand for a missing value.
MISSING = frozenset(
    {"NA", "N/A", "n/a", "na", "#N/A", "<NA>", "NULL", "null", "Null", "\\N", "None"}
    | {"none", "NONE", "nan", "NaN", "NAN", "nil", "-", "--", "?", "."}
)
# Those that hardly mean anything else, even in a column of words.
SURELY_MISSING = MISSING & {"#N/A", "<NA>", "NULL", "null", "\\N", "nan", "NaN"}

_NARROW = "\u202f"
_DATE = re.compile(
    r"\d{4}([-/.])\d\d?\1\d\d?([T ]\d\d?:\d\d(:\d\d)?([.,]\d+)?(Z|[+-]\d\d:?\d\d)?)?"
    r"|\d\d?([-/.])\d\d?\6\d{2,4}( \d\d?:\d\d(:\d\d)?)?|\d\d?:\d\d(:\d\d)?",
    re.ASCII,
)
_WORD = re.compile(r"[\w.@+#-]+")
_PARTS = re.compile(r" ?[|;,/] ?")


class Marks(NamedTuple):
    """How numbers are written.

    Attributes:
        decimal: what is between the whole part and the fraction.
        thousands: what is between each three digits, or None.
    """

    decimal: str = "."
    thousands: str | None = None

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a number looks like that is written so."""
        return _NUMBERS[self]


def _pattern(marks: Marks) -> re.Pattern[str]:
    point = re.escape(marks.decimal)
    whole = r"\d+"
    if marks.thousands is not None:
        whole = rf"(?:[1-9]\d{{0,2}}(?:{re.escape(marks.thousands)}\d{{3}})+|\d+)"
    number = rf"[+-]?(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"
    return re.compile(rf"\s*{number}\s*", re.ASCII)


# The more common ones first.
ALL_MARKS = (
    Marks(),
    Marks(".", ","),
    Marks(","),
    Marks(",", "."),
    *(Marks(point, mark) for mark in (" ", "\xa0", _NARROW, "'") for point in ".,"),
)
_NUMBERS = {marks: _pattern(marks) for marks in ALL_MARKS}


def is_number(cell: str, marks: Marks = ALL_MARKS[0]) -> bool:
    """Tells whether a cell is a number that is written in a way."""
    return marks.pattern.fullmatch(cell) is not None


def is_number_of_any_kind(cell: str) -> bool:
    """Tells whether a cell is a number, with whatever marks."""
    return any(pattern.fullmatch(cell) for pattern in _NUMBERS.values())


def is_date(cell: str) -> bool:
    """Tells whether a cell is a date or a time."""
    return _DATE.fullmatch(cell.strip()) is not None


def kind_of(cell: str) -> str:
    """Returns what a cell looks like.

    Returns:
        "empty" (or a word for missing), "number", "date", "word", "list" (of words)
        or "text".
    """
    if not cell.strip() or cell in MISSING:
        return "empty"
    if is_number_of_any_kind(cell):
        return "number"
    if is_date(cell):
        return "date"
    if _WORD.fullmatch(cell):
        return "word"
    parts = _PARTS.split(cell)
    if len(parts) > 1 and all(_WORD.fullmatch(part) for part in parts if part):
        return "list"
    return "text"
