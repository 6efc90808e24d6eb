"""Where rows of CSV text begin and end, by the rule of Python's csv module.

A quote at the start of a cell opens a quoted cell, in which `""` is a quote and a
single one closes. A quote anywhere else, and what follows a closing quote, is text. A
row ends at a line break that is in no quoted cell.

One exception, for a quote that was not meant to open a cell takes rows with it: a
quoted cell that is not closed, or that holds a line break and goes on after its closing
quote, makes its row bad, and the next row begins at the line after its opening quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import IO, NamedTuple

import numpy as np

from components.files.bad_input import FileFault

MOST_QUOTED_BYTES = 1 << 24  # a longer quoted cell was not meant to be one
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SHOWN_BYTES = 80
_LINE_FEED, _RETURN, _QUOTE = b'\n\r"'
_QUOTED = re.compile(rb'"(?<![^,\r\n]")[^"]*+(?:""[^"]*+)*+("?)')
_BREAK = re.compile(rb"\r\n|\n|\r")
_CELLS_AT_ONCE = 4096


class Unclosed(NamedTuple):
    """A row with a quoted cell that has no good end."""

    line: int  # that it starts at
    text: bytes  # its start


class Rows(NamedTuple):
    """Whole rows of a file, those that are unclosed left out as blank lines."""

    line: int  # of the first
    text: bytes
    unclosed: tuple[Unclosed, ...] = ()


class Quoted(NamedTuple):
    """The quoted cells of a text that begins with a row: text[starts[i]:ends[i]].

    A cell with `""` in it may be given in pieces.
    """

    starts: np.ndarray  # int64 [cells]
    ends: np.ndarray  # int64 [cells]
    broken: tuple[int, ...]  # the opening quotes of cells without a good end
    end: int  # from here on more text must be seen to know

    def hold(self, places: np.ndarray) -> np.ndarray:
        """Tells which places in the text are in a quoted cell, bool [places]."""
        if not len(self.starts):
            return np.zeros(len(places), bool)
        cells = np.searchsorted(self.starts, places, side="right") - 1
        return np.asarray((cells >= 0) & (self.ends[cells] > places))


def header_and_rows(
    stream: IO[bytes], chunk_bytes: int, most_row_bytes: int
) -> tuple[bytes, Iterator[Rows]]:
    """Returns the first row without its line break, and what follows in chunks.

    Args:
        stream: CSV text.
        chunk_bytes: About how much text a chunk has; no result depends on it.
        most_row_bytes: A row with more ends the reading.

    Raises:
        FileFault: The file is damaged, or its rows have no end, which is raised after
            the whole rows before; or the first row is unclosed.
    """
    chunks = row_chunks(stream, chunk_bytes, most_row_bytes)
    first = next(chunks, Rows(1, b""))
    if first.unclosed and first.unclosed[0].line == 1:
        raise FileFault("its header line has a quote that is not closed. Close it.")
    breaks = _places(first.text, _LINE_FEED)
    breaks = breaks[~quoted_cells(first.text, is_last=True).hold(breaks)]
    end = int(breaks[0]) + 1 if len(breaks) else len(first.text)
    rest = Rows(1 + lines(first.text, end), first.text[end:], first.unclosed)
    return first.text[:end].rstrip(b"\r\n"), _all(rest, chunks)


def _all(first: Rows, chunks: Iterator[Rows]) -> Iterator[Rows]:
    yield first
    yield from chunks


def row_chunks(
    stream: IO[bytes], chunk_bytes: int, most_row_bytes: int
) -> Iterator[Rows]:
    """Yields the rows of a file in chunks, without a byte order mark.

    Args:
        stream: CSV text.
        chunk_bytes: About how much text a chunk has; no result depends on it.
        most_row_bytes: A row with more ends the reading.

    Raises:
        FileFault: The file is damaged, or its rows have no end; the whole rows before
            are yielded first.
    """
    text = bytearray(_start(stream))
    line, enough = 1, chunk_bytes
    is_last, damage = False, None
    while not (is_last or damage):
        try:
            block = stream.read1(chunk_bytes)  # type: ignore[attr-defined]
            is_last = not block
        except FileFault as fault:
            block, damage = b"", fault
        text += block
        if not (is_last or damage) and len(text) < enough:
            continue
        rows, end = _whole_rows(text, line, is_last=is_last)
        if end:
            yield rows
            line += lines(rows.text)
            del text[:end]
        enough = max(chunk_bytes, 2 * len(text))
        if len(text) > most_row_bytes:
            damage = FileFault(_endless(line, most_row_bytes))
    if damage:
        raise damage


def _start(stream: IO[bytes]) -> bytes:
    start = stream.read(len(_BYTE_ORDER_MARK))
    return b"" if start == _BYTE_ORDER_MARK else start


def _endless(line: int, most: int) -> str:
    return (
        f"line {line} has no end within {most:,} bytes; is this a CSV file? "
        "Write one row a line."
    )


def _whole_rows(text: bytearray, line: int, *, is_last: bool) -> tuple[Rows, int]:
    """Returns the rows that end in a text, all if no more comes, and where they do."""
    quoted = quoted_cells(text, is_last=is_last)
    end = len(text) if is_last else _end_of_rows(text, quoted)
    broken = [place for place in quoted.broken if place < end]
    rows = bytes(memoryview(text)[:end])
    if broken:
        return _without(rows, line, quoted, broken), end
    return Rows(line, rows), end


def _end_of_rows(text: bytearray, quoted: Quoted) -> int:
    """Returns where the last row ends whose end is known; 0: there is none."""
    end = text.rfind(b"\n", 0, quoted.end) + 1
    while end:
        cell = int(np.searchsorted(quoted.starts, end - 1, side="right")) - 1
        if cell < 0 or quoted.ends[cell] < end:
            break
        end = text.rfind(b"\n", 0, int(quoted.starts[cell])) + 1
    return end


def _without(text: bytes, line: int, quoted: Quoted, broken: list[int]) -> Rows:
    """Blanks each row with a broken cell, from its start to the end of the cell's line.

    Args:
        text: Whole rows.
        line: The number of the first.
        quoted: Their quoted cells.
        broken: The opening quotes of the broken ones.
    """
    starts = row_starts(text, quoted)
    pieces: list[bytes] = []
    unclosed = []
    done = 0
    for place in broken:
        start = int(starts[np.searchsorted(starts, place, side="right") - 1])
        end = _BREAK.search(text, place)
        after = end.start() if end else len(text)
        before, row = text[done:start], text[start:after]
        # A return must not become one line break with a line feed after it.
        kept = before.rstrip(b"\r")
        pieces += [kept, b"\n" * (len(before) - len(kept) + lines(row))]
        unclosed.append(Unclosed(line + lines(text, start), row[:_SHOWN_BYTES]))
        done = after
    return Rows(line, b"".join([*pieces, text[done:]]), tuple(unclosed))


def row_starts(text: bytes, quoted: Quoted | None = None) -> np.ndarray:
    """Returns where the rows of a text begin that are not blank, int64 [rows]."""
    quoted = quoted or quoted_cells(text, is_last=True)
    breaks = _places(text, _LINE_FEED, _RETURN)
    starts = np.concatenate([[0], breaks[~quoted.hold(breaks)] + 1])
    starts = starts[starts < len(text)]
    data = np.frombuffer(text, np.uint8)
    return starts[~np.isin(data[starts], (_LINE_FEED, _RETURN))]


def lines(text: bytes, end: int | None = None) -> int:
    """Returns how many line breaks are in a text, or before a place in it."""
    feeds, returns = text.count(b"\n", 0, end), text.count(b"\r", 0, end)
    return feeds + returns - (text.count(b"\r\n", 0, end) if returns else 0)


def quoted_cells(text: bytes | bytearray, *, is_last: bool) -> Quoted:
    """Finds the quoted cells of a text that begins with a row.

    Args:
        text: CSV.
        is_last: Whether no more text follows.
    """
    quotes = _places(text, _QUOTE)
    if _is_regular(text, quotes, is_last=is_last):
        starts, ends = quotes[0::2], quotes[1::2] + 1
        is_open = len(starts) > len(ends)
        end = int(starts[-1]) if is_open else len(text)
        return Quoted(starts[: len(ends)], ends, (), end)
    return _scanned(text, is_last=is_last)


def _is_regular(text: bytes | bytearray, quotes: np.ndarray, *, is_last: bool) -> bool:
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
    return bool(_BESIDE[data[before]].all() and _BESIDE[data[after]].all())


_BESIDE = np.isin(np.arange(256), list(b',\r\n"'))


def _scanned(text: bytes | bytearray, *, is_last: bool) -> Quoted:
    """Finds quoted cells one after the other."""
    cells: list[np.ndarray] = []
    broken: list[int] = []
    end, place = len(text), 0
    while (cell := _next_broken(text, place, cells)) is not None:
        if not (is_last or _is_known(text, cell)):
            end = cell.start()
            break
        broken.append(cell.start())
        line_end = _BREAK.search(text, cell.start())
        if line_end is None:
            break
        place = line_end.end()
    starts, ends = np.concatenate([_NO_CELLS, *cells]).T
    return Quoted(starts, ends, tuple(broken), end)


def _next_broken(
    text: bytes | bytearray, place: int, cells: list[np.ndarray]
) -> re.Match[bytes] | None:
    """Adds good cells from a place on, up to the first that is not; returns this."""
    data = np.frombuffer(text, np.uint8)
    scan = _QUOTED.finditer(text, place)
    while some := list(islice(scan, _CELLS_AT_ONCE)):
        spans = np.array([cell.span() for cell in some], np.int64)
        starts, ends = spans.T
        last = np.minimum(ends, len(data) - 1)
        odd = (ends < len(data)) & ~_ENDS_CELL[data[last]]
        odd |= ends - starts > MOST_QUOTED_BYTES
        odd[-1] |= not some[-1][1]
        for i in np.flatnonzero(odd):
            if _is_broken(text, some[i]):
                cells.append(spans[:i])
                return some[i]
        cells.append(spans)
    return None


_NO_CELLS = np.zeros((0, 2), np.int64)
_ENDS_CELL = np.isin(np.arange(256), list(b",\r\n"))


def _is_broken(text: bytes | bytearray, cell: re.Match[bytes]) -> bool:
    """Tells whether a cell that does not end at a comma or a line's end is broken."""
    is_long = cell.end() - cell.start() > MOST_QUOTED_BYTES
    return is_long or not cell[1] or _BREAK.search(text, *cell.span()) is not None


def _is_known(text: bytes | bytearray, cell: re.Match[bytes]) -> bool:
    """Tells whether more text cannot mend a broken cell."""
    is_seen = bool(cell[1]) and cell.end() < len(text)
    return is_seen or cell.end() - cell.start() > MOST_QUOTED_BYTES


def _places(text: bytes | bytearray, *characters: int) -> np.ndarray:
    """Returns where any of some characters stand, int64 [places]."""
    data = np.frombuffer(text, np.uint8)
    found = data == characters[0]
    for character in characters[1:]:
        found |= data == character
    return np.flatnonzero(found)
