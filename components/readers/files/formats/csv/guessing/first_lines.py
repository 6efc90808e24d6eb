"""Whether the first row of CSV names the columns, or is a row like the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from shardline.components.readers.files.formats.csv.guessing.cell_kinds import (
    is_date,
    kind_of,
)

_NAME = re.compile(r"[^\W\d][\w .:()/%#-]{0,63}")
_FEW = 3  # rows; fewer tell little about what repeats
_SAME = 0.9  # of the cells of a column that have one shape


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Tells whether the first of some rows seems to name the columns.

    Args:
        rows: the cells of the first rows, as many in each.
    """
    first, below = rows[0], rows[1:]
    if any(kind_of(name) == "number" or is_date(name) for name in first):
        return _are_numbered(first) and _votes(first, below) > 0
    if not any(name.strip() for name in first):
        return False
    if not below:
        return all(_NAME.fullmatch(name) for name in first)
    return _votes(first, below) >= 0


def _are_numbered(first: Sequence[str]) -> bool:
    """Tells whether names are numbers for a few columns only, such as years."""
    numbers = sum(kind_of(name) == "number" for name in first)
    return 2 * numbers < len(first) and len(set(first)) == len(first)


def _votes(first: Sequence[str], below: Sequence[Sequence[str]]) -> int:
    """Returns how many columns more speak for a header than against one."""
    columns = [[row[i] for row in below] for i in range(len(first))]
    votes = sum(map(_vote, first, columns))
    return votes - (len(set(first)) < len(first))


def _vote(name: str, column: Sequence[str]) -> int:
    """Returns 1 if a name differs from what is below it, -1 if it is like that."""
    kinds = Counter(map(kind_of, column))
    kinds.pop("empty", 0)
    if not kinds:
        return 0
    kind, count = kinds.most_common(1)[0]
    if kind in ("number", "date") and count >= _SAME * kinds.total():
        return 1 if name.strip() and kind_of(name) != kind else -1
    cells = [cell for cell in column if kind_of(cell) != "empty"]
    if not name.strip():
        return 0
    if name in cells:
        return -1 if len(cells) >= _FEW else 0
    if kind_of(name) not in kinds and _NAME.fullmatch(name):
        return 1
    shapes = Counter(map(_shape, cells))
    shape, same = shapes.most_common(1)[0]
    if "9" in shape and same >= _SAME * len(cells):
        return -1 if _shape(name) == shape else 1
    if _is_hexadecimal(cells):
        return -1 if _is_hexadecimal([name]) and len(name) == len(cells[0]) else 1
    return 0 if _NAME.fullmatch(name) else -1


def _shape(cell: str) -> str:
    """Returns a text with `a` for letters and `9` for digits, each once in a row."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d]+", "a", cell))


def _is_hexadecimal(cells: Sequence[str]) -> bool:
    """Tells whether cells are digits of base 16, as many in each, such as hashes."""
    lengths = {len(cell) for cell in cells}
    return len(lengths) == 1 and all(
        re.fullmatch("[0-9a-f]{6,}", cell) and re.search(r"\d", cell) for cell in cells
    )
