"""Where rows and cells end: the layout under which a text is most regular."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from shardline.components.readers.files.formats.csv.guessing.cell_kinds import kind_of
from shardline.configs.dialect import NO_QUOTE

_ROWS = 200  # that layouts are compared by
# What may part cells, and how likely it is to begin with.
_DELIMITERS = {
    ",": 1.0,
    "\t": 1.0,
    "::": 1.0,
    "\x01": 1.0,
    ";": 0.99,
    "|": 0.98,
    "||": 0.97,
    ", ": 0.97,
    "\u00a6": 0.97,
    "~": 0.9,
    "^": 0.9,
    " ": 0.85,
}
_QUOTES = ('"', "'", NO_QUOTE)
_WEIGHTS = {"number": 1.0, "date": 1.0, "word": 0.9, "list": 0.65, "text": 0.7}
_UNCUT = 0.3  # of a cell that holds what parts cells, or a quote around it
_ALL_EMPTY = 0.3
_OTHER_FIRST = 0.6  # for a first row that has not as many cells as the others
_PARTING = ("\t", ";", "|", "::", "\x01", "\u00a6")
# Stand for a delimiter of several characters; the first that the text does not hold.
_STAND_INS = "\x1f\x1e\x1d\x1c\ue000"
# The word of MySQL for a missing value, which keeps its escape where it is read.
_ESCAPED_WORD = re.compile(r"(?<!\\)((?:\\\\)*)\\N(?!\w)")


class Layout(NamedTuple):
    """How rows are parted into cells; as in `configs.dialect.Dialect`."""

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None


class Cells(NamedTuple):
    """A text, parted by a layout.

    Attributes:
        layout: the layout.
        rows: the cells of each row, blank ones left out.
        score: how regular they are, from 0 to 1.
        agreement: the share of rows with as many cells as most have.
    """

    layout: Layout
    rows: list[list[str]]
    score: float
    agreement: float

    @property
    def width(self) -> int:
        """How many cells most rows have."""
        return width_of(self.rows)


def best_layout(text: str, *, is_whole: bool) -> Cells:
    """Returns the layout under which rows are most alike, and the rows.

    Args:
        text: the start of a file.
        is_whole: whether it has no more; else the last row is left out.
    """
    layouts = [
        Layout(delimiter, quote, _escape(text, delimiter, quote))
        for delimiter in _DELIMITERS
        if delimiter in text or delimiter == ","
        for quote in _QUOTES
        if quote == NO_QUOTE or quote in text
    ]
    tried = [_scored(text, layout, is_whole=is_whole) for layout in layouts]
    best = max(tried, key=lambda cells: cells.score)
    layout = best.layout
    if layout.quote == NO_QUOTE and '"' not in text:
        layout = layout._replace(quote='"')  # which then changes nothing
    return best._replace(layout=layout, rows=rows_of(text, layout, is_whole=is_whole))


def rows_of(
    text: str, layout: Layout, *, is_whole: bool, most: int | None = None
) -> list[list[str]]:
    """Returns the cells of each row; those of blank rows are left out.

    Args:
        text: the start of a file.
        layout: how it is parted.
        is_whole: whether it has no more; else the last row is left out.
        most: how many rows are enough; None for all.
    """
    rows = list(islice(_parted(text, layout), most))
    is_cut = not is_whole and len(rows) > 1 and len(rows) != most
    return rows[:-1] if is_cut else rows


def width_of(rows: Sequence[Sequence[str]]) -> int:
    """Returns how many cells most rows have; 0 if there is none."""
    counts = Counter(map(len, rows))
    return counts.most_common(1)[0][0] if counts else 0


def _escape(text: str, delimiter: str, quote: str) -> str | None:
    """Returns a backslash if one stands before a quote that does not end a cell."""
    within = rf"\\{quote}(?!{re.escape(delimiter)}|[{quote}\r\n]|$)"
    return "\\" if quote != NO_QUOTE and re.search(within, text) else None


def _parted(text: str, layout: Layout) -> Iterator[list[str]]:
    delimiter = layout.delimiter
    if len(delimiter) > 1:
        delimiter = next((c for c in _STAND_INS if c not in text), _STAND_INS[-1])
        text = text.replace(layout.delimiter, delimiter)
    if layout.escape:
        text = _ESCAPED_WORD.sub(r"\1\\\\N", text)
    is_quoted = layout.quote != NO_QUOTE
    try:
        for row in csv.reader(
            io.StringIO(text, newline=""),
            delimiter=delimiter,
            quotechar=layout.quote if is_quoted else None,
            quoting=csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE,
            escapechar=layout.escape,
        ):
            if any(row):
                yield [cell.replace(delimiter, layout.delimiter) for cell in row]
    except csv.Error:  # such as a cell that has no end
        return


def _scored(text: str, layout: Layout, *, is_whole: bool) -> Cells:
    rows = rows_of(text, layout, is_whole=is_whole, most=_ROWS)
    width = width_of(rows)
    if not width:
        return Cells(layout, rows, 0.0, 0.0)
    agreement = sum(len(row) == width for row in rows) / len(rows)
    columns = list(zip(*(row for row in rows[1:] if len(row) == width), strict=True))
    types = [_regularity(column, layout) for column in columns] or [0.5]
    score = agreement**2 * sum(types) / len(types) * _DELIMITERS[layout.delimiter]
    score *= 1 - 0.1 / width if width > 1 else 0.5
    if len(rows[0]) != width:
        score *= _OTHER_FIRST
    if any(_is_uncut(name, layout) for name in rows[0]):
        score *= _OTHER_FIRST
    score *= _preference(text, layout)
    return Cells(layout, rows, score, agreement)


def _preference(text: str, layout: Layout) -> float:
    """Prefers what is usual where two layouts do the same."""
    if layout.quote == "'":
        return 0.97
    return 0.98 if layout.quote == NO_QUOTE and '"' in text else 1.0


def _regularity(column: Sequence[str], layout: Layout) -> float:
    """Returns how much the cells of a column are of one kind, from 0 to 1."""
    kinds = Counter(map(kind_of, column))
    empty = kinds.pop("empty", 0)
    if not kinds:
        return _ALL_EMPTY
    kind, count = kinds.most_common(1)[0]
    cells = len(column) - empty
    uncut = sum(_is_uncut(cell, layout) for cell in column)
    padded = sum(cell != cell.strip() for cell in column)
    share = (count + (cells - count) * 0.8) / cells
    regular = _WEIGHTS[kind] * share * (1 - 0.2 * padded / len(column))
    return regular + (_UNCUT - regular) * uncut / len(column)


def _is_uncut(cell: str, layout: Layout) -> bool:
    """Tells whether a cell holds what parts cells, or a quote around it, or a row."""
    if len(cell) > 1 and cell[0] == '"' and cell[-1] == '"':
        return True
    if "\n" in cell and layout.delimiter in cell:
        return True
    return kind_of(cell) != "list" and any(
        mark in cell for mark in _PARTING if mark != layout.delimiter
    )
