"""Quoted cells of CSV text, by the rule of Python's csv module.

A quote at the start of a cell opens a quoted cell, in which two are a quote and a
single one closes. A quote anywhere else, and what follows a closing quote, is text.

One exception, for a quote that was not meant to open a cell takes rows with it: a
quoted cell that is not closed, or that holds a line break and goes on after its closing
quote, is broken, and text begins anew at the line after its opening quote.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

import numpy as np

from shardline.components.readers.files.formats.csv.syntax import Syntax

MOST_QUOTED_BYTES = 1 << 24  # a longer quoted cell was not meant to be one
_CELLS_AT_ONCE = 4096
LINE_BREAK = re.compile(rb"\r\n|\n|\r")


class Quoted(NamedTuple):
    """The quoted cells of a text that begins with a row: text[starts[i]:ends[i]].

    A cell with two quotes in it may be given in pieces.
    """

    starts: np.ndarray  # int64 [cells]
    ends: np.ndarray  # int64 [cells]
    broken: tuple[int, ...]  # the opening quotes of cells without a good end
    end: int  # from here on more text must be seen to know

    def hold(self, positions: np.ndarray) -> np.ndarray:
        """Tells which positions in the text are in a quoted cell, bool [positions]."""
        if not len(self.starts):
            return np.zeros(len(positions), bool)
        cells = np.searchsorted(self.starts, positions, side="right") - 1
        return np.asarray((cells >= 0) & (self.ends[cells] > positions))


def quoted_cells(text: bytes | bytearray, syntax: Syntax, *, is_last: bool) -> Quoted:
    """Finds the quoted cells of a text that begins with a row.

    Args:
        text: CSV.
        syntax: what parts and quotes its cells.
        is_last: whether no more text follows.
    """
    if not syntax.quote:
        return Quoted(_NOWHERE, _NOWHERE, (), len(text))
    quotes = positions_of(text, ord(syntax.quote))
    if _is_regular(text, quotes, syntax, is_last=is_last):
        starts, ends = quotes[0::2], quotes[1::2] + 1
        is_open = len(starts) > len(ends)
        end = int(starts[-1]) if is_open else len(text)
        return Quoted(starts[: len(ends)], ends, (), end)
    return _scanned(text, syntax, is_last=is_last)


def _is_regular(
    text: bytes | bytearray, quotes: np.ndarray, syntax: Syntax, *, is_last: bool
) -> bool:
    """Tells whether quotes only open, close, or stand doubled in a quoted cell.

    Then they open and close by turns, which takes no look at one after the other.
    """
    if not len(quotes):
        return True
    if len(text) > MOST_QUOTED_BYTES or (is_last and len(quotes) % 2):
        return False
    data = np.frombuffer(text, np.uint8)
    before, after = quotes[0::2] - 1, quotes[1::2] + 1
    before, after = before[before >= 0], after[after < len(data)]
    beside = syntax.beside_quotes
    return bool(beside[data[before]].all() and beside[data[after]].all())


def _scanned(text: bytes | bytearray, syntax: Syntax, *, is_last: bool) -> Quoted:
    """Finds quoted cells one after the other."""
    cells: list[np.ndarray] = []
    broken: list[int] = []
    end, position = len(text), 0
    while (cell := _next_broken(text, position, cells, syntax)) is not None:
        if not (is_last or _is_known(text, cell)):
            end = cell.start()
            break
        broken.append(cell.start())
        line_end = LINE_BREAK.search(text, cell.start())
        if line_end is None:
            break
        position = line_end.end()
    starts, ends = np.concatenate([_NO_CELLS, *cells]).T
    return Quoted(starts, ends, tuple(broken), end)


def _next_broken(
    text: bytes | bytearray, position: int, cells: list[np.ndarray], syntax: Syntax
) -> re.Match[bytes] | None:
    """Adds good cells from a position on, up to the first that is not; returns this."""
    data = np.frombuffer(text, np.uint8)
    scan = syntax.quoted.finditer(text, position)
    while some := list(islice(scan, _CELLS_AT_ONCE)):
        spans = np.array([cell.span() for cell in some], np.int64)
        starts, ends = spans.T
        last = np.minimum(ends, len(data) - 1)
        odd = (ends < len(data)) & ~syntax.ends_cell[data[last]]
        odd |= ends - starts > MOST_QUOTED_BYTES
        odd[-1] |= not some[-1][1]
        for i in np.flatnonzero(odd):
            if _is_broken(text, some[i]):
                cells.append(spans[:i])
                return some[i]
        cells.append(spans)
    return None


_NO_CELLS = np.zeros((0, 2), np.int64)
_NOWHERE = np.zeros(0, np.int64)


def _is_broken(text: bytes | bytearray, cell: re.Match[bytes]) -> bool:
    """Tells whether a cell that goes on after its quotes, or has one, is broken."""
    is_long = cell.end() - cell.start() > MOST_QUOTED_BYTES
    return is_long or not cell[1] or LINE_BREAK.search(text, *cell.span()) is not None


def _is_known(text: bytes | bytearray, cell: re.Match[bytes]) -> bool:
    """Tells whether more text cannot mend a broken cell."""
    is_seen = bool(cell[1]) and cell.end() < len(text)
    return is_seen or cell.end() - cell.start() > MOST_QUOTED_BYTES


def positions_of(text: bytes | bytearray, *characters: int) -> np.ndarray:
    """Returns where any of some characters stand, int64 [positions]."""
    data = np.frombuffer(text, np.uint8)
    found = data == characters[0]
    for character in characters[1:]:
        found |= data == character
    return np.flatnonzero(found)
