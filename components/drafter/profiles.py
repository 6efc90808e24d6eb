"""What the columns of a sample hold: their kind, their values, what is missing."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from shardline.components.drafter.samples import FileSample
from shardline.components.readers.files.formats.csv.guessing.cell_kinds import (
    Marks,
    is_date,
    is_number,
)
from shardline.configs.boundaries import value_of

Kind = Literal["int", "float", "text", "time", "other date", "nothing", "other"]

# What may part the values of a list in a cell.
SEPARATORS = ("|", ";", ", ", ",", " ")
_HOLDING = 0.25  # of the cells, for what they hold to part values
_MOVING = 0.25  # of the parts, that stand now here and now there in lists
_PAIR = 2  # parts, which are rather a name in two parts if their places are fixed
_REUSED = 3  # times that a part stands in lists, on average
_LONG = 30  # characters; a part that is longer is text
_FEW = 8  # cells; fewer tell nothing of lists
_INT64 = range(-(1 << 63), 1 << 63)
_ENTITY = re.compile(r"&(#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))
_PADDED = re.compile(r"[+-]?0\d")


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a column of a sample holds.

    Attributes:
        name: of the column.
        kind: what its values are: whole numbers, numbers, text, times that sort, dates
            written otherwise, nothing at all, or what no feature can read.
        values: those that are not missing, those of lists one after the other; numbers
            as numbers.
        rows: how many rows the sample has.
        missing: how many of them have no value.
        is_list: whether rows hold several values.
        separator: what parts them in a cell of CSV.
    """

    name: str
    kind: Kind
    values: Sequence[Any]
    rows: int
    missing: int
    is_list: bool = False
    separator: str = ""

    @cached_property
    def counts(self) -> Counter[Any]:
        """How often each value is there."""
        return Counter(self.values)

    @property
    def distinct(self) -> int:
        """How many values differ."""
        return len(self.counts)

    @property
    def is_number(self) -> bool:
        """Whether it holds one number a row."""
        return self.kind in ("int", "float") and not self.is_list

    @property
    def is_unique(self) -> bool:
        """Whether no value is there twice."""
        return not self.is_list and self.distinct == len(self.values) > 1


def profiles_of(sample: FileSample) -> dict[str, Profile]:
    """Returns what each column of a sample holds.

    Args:
        sample: rows of a file.
    """
    marks = Marks()
    if sample.guess:
        dialect = sample.guess.dialect
        marks = Marks(dialect.decimal, dialect.thousands)
    profiles = {
        name: profile_of(name, cells, marks, is_time=name in sample.dates)
        for name, cells in sample.columns.items()
    }
    return _with_one_separator(profiles, sample.columns)


def profile_of(
    name: str,
    cells: Sequence[Any],
    marks: Marks | None = None,
    *,
    is_time: bool = False,
) -> Profile:
    """Returns what a column holds.

    Args:
        name: of the column.
        cells: its values by row, None where one is missing; text may be numbers.
        marks: how text writes numbers.
        is_time: whether the column's type is that of dates or times.
    """
    lists = [cell for cell in cells if isinstance(cell, list)]
    is_list = any(len(items) > 1 for items in lists)
    flat = [item for cell in cells for item in _items(cell)]
    missing = sum(not _items(cell) for cell in cells)
    kind: Kind = "time" if is_time else _kind(flat, marks or Marks())
    if kind in ("int", "float"):
        flat = [_number(value, marks or Marks()) for value in flat]
    return Profile(name, kind, flat, len(cells), missing, is_list)


def _items(cell: Any) -> list[Any]:
    if isinstance(cell, list):
        return [item for item in cell if item is not None]
    return [] if cell is None else [cell]


def _kind(values: Sequence[Any], marks: Marks) -> Kind:
    if not values:
        return "nothing"
    if all(isinstance(value, int) for value in values):  # truth values, too
        return "int" if all(value in _INT64 for value in values) else "text"
    if all(isinstance(value, int | float) for value in values):
        return "float"
    if not all(isinstance(value, str) for value in values):
        return "other"
    return _kind_of_text(values, marks)


def _kind_of_text(values: Sequence[str], marks: Marks) -> Kind:
    if all(is_number(value, marks) for value in values):
        if any(_PADDED.match(value.strip()) for value in values):
            return "text"  # such as a postal code
        numbers = [_number(value, marks) for value in values]
        if all(isinstance(number, int) for number in numbers):
            return "int" if all(number in _INT64 for number in numbers) else "text"
        return "float"
    if all(value_of(value, "moment") is not None for value in values):
        return "time"
    return "other date" if all(map(is_date, values)) else "text"


def _number(value: Any, marks: Marks) -> int | float:
    if not isinstance(value, str):
        return int(value) if isinstance(value, bool) else value
    text = value.strip()
    if marks.thousands is not None:
        text = text.replace(marks.thousands, "")
    text = text.replace(marks.decimal, ".")
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _with_one_separator(
    profiles: Mapping[str, Profile], columns: Mapping[str, Sequence[Any]]
) -> dict[str, Profile]:
    """Takes cells for lists where one separator, the same everywhere, parts many."""
    texts = [p for p in profiles.values() if p.kind == "text" and not p.is_list]
    lists = {
        separator: [p for p in texts if _are_lists(p.values, separator)]
        for separator in SEPARATORS
    }
    separator = max(SEPARATORS, key=lambda one: len(lists[one]))
    found = dict(profiles)
    for profile in lists[separator]:
        cells = [
            None if cell is None else split(cell, separator)
            for cell in columns[profile.name]
        ]
        made = profile_of(profile.name, cells)
        found[profile.name] = dataclasses.replace(
            made, is_list=True, separator=separator
        )
    return found


def split(cell: str, separator: str) -> list[str]:
    """Returns the values of a list in a cell, as the reader takes them."""
    return [part.strip() for part in cell.split(separator) if part.strip()]


def _are_lists(cells: Sequence[Any], separator: str) -> bool:
    """Tells whether text parts into values that come again and again."""
    if len(cells) < _FEW or not all(isinstance(cell, str) for cell in cells):
        return False
    holding = [cell for cell in cells if separator in cell]
    if len(holding) < _HOLDING * len(cells):
        return False
    if separator == "," and all(cell.count(",") == cell.count(", ") for cell in cells):
        return False  # that is the other one
    if separator == ";" and any(map(_ENTITY.search, cells)):
        return False  # the reader would cut `&amp;`
    parts = [part for cell in cells for part in split(cell, separator)]
    if separator == " " and not all(is_number(part) for part in parts):
        return False
    counts = Counter(parts)
    is_reused = len(parts) >= _REUSED * len(counts)
    of_lists = Counter(part for cell in holding for part in split(cell, separator))
    are_others = 2 * len(of_lists) <= sum(of_lists.values())
    is_short = max(map(len, counts), default=0) <= 2 * _LONG
    are_whole = all(map(_is_whole, counts))
    lists = [split(cell, separator) for cell in cells]
    # No sentence has `|`, so what has it now and then is a list: `wool`, `wool|sale`.
    is_of_any_length = separator == "|" and len(set(map(len, lists))) > 1
    are_lists = is_of_any_length or _move(lists)
    return is_reused and are_others and is_short and are_whole and are_lists


def _is_whole(part: str) -> bool:
    """Tells whether a part closes what it opens; those of JSON do not."""
    return all(part.count(opens) == part.count(ends) for opens, ends in _BRACKETS)


def _move(lists: Sequence[Sequence[str]]) -> bool:
    """Tells whether parts have no fixed place, as the two of `Reno, NV` have."""
    if max(map(len, lists), default=0) > _PAIR:
        return True  # such as a place's city, state and country
    places: dict[str, set[int]] = {}
    counts: Counter[str] = Counter()
    for parts in lists:
        counts.update(parts)
        for place, part in enumerate(parts):
            places.setdefault(part, set()).add(place)
    moving = sum(n for part, n in counts.items() if len(places[part]) > 1)
    return moving >= _MOVING * counts.total()
