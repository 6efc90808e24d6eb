"""Rows of CSV text, in chunks of whole ones.

A row ends at a line break that is in no quoted cell. A row with a broken quoted cell is
bad, and the next one begins at the line after that cell's opening quote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np

from shardline.components.readers.files.formats.csv.headers import no_text, repeated
from shardline.components.readers.files.formats.csv.quotes import (
    LINE_BREAK,
    Quoted,
    positions_of,
    quoted_cells,
)
from shardline.components.readers.files.formats.csv.syntax import Syntax
from shardline.components.readers.files.judging.bad_input import FileFault

MOST_ROW_BYTES = 1 << 28  # a longer one was not meant to be a row
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SHOWN_BYTES = 80
_LINE_FEED, _RETURN = b"\n\r"


class Unclosed(NamedTuple):
    """A row with a quoted cell that has no good end."""

    line: int  # that it starts at
    text: bytes  # its start


class Rows(NamedTuple):
    """Whole rows of a file, those that are unclosed left out as blank lines."""

    line: int  # of the first
    text: bytes
    unclosed: tuple[Unclosed, ...] = ()

    @property
    def is_blank(self) -> bool:
        """Whether there is no row but unclosed ones."""
        return not self.text.strip(b"\r\n")


def header_and_rows(
    stream: IO[bytes], syntax: Syntax, chunk_bytes: int, most_row_bytes: int
) -> tuple[bytes, Iterator[Rows]]:
    """Returns the header's row without its line break, and what follows in chunks.

    Args:
        stream: CSV text, as `plain_stream` gives it.
        syntax: how it is written. If its dialect gives the header, the row is empty.
        chunk_bytes: about how much text a chunk has; no result depends on it.
        most_row_bytes: a row with more ends the reading.

    Raises:
        FileFault: the file is damaged, or its rows have no end, which is raised after
            the whole rows before; or the first row is unclosed.
    """
    chunks = row_chunks(stream, syntax, chunk_bytes, most_row_bytes)
    first = next(chunks, Rows(1, b""))
    length = _length_of_row(first.text, syntax)
    if syntax.dialect.header is not None:
        line = first.text[:length]
        if said := no_text(line) or repeated(line, syntax):
            raise FileFault(said)
        return b"", _all(first, chunks)
    if first.unclosed and first.unclosed[0].line == 1:
        unclosed = "its header line has a quote that is not closed. Close it."
        raise FileFault(no_text(first.unclosed[0].text) or unclosed)
    found = LINE_BREAK.match(first.text, length)
    end = found.end() if found else length
    below = 1 + lines(first.text, syntax, end)
    rest = Rows(below, first.text[end:], first.unclosed)
    return first.text[:length], _all(rest, chunks)


def _length_of_row(text: bytes, syntax: Syntax) -> int:
    """Returns how long the first row of a text is, without its line break."""
    breaks = positions_of(text, _LINE_FEED, _RETURN)
    breaks = breaks[~quoted_cells(text, syntax, is_last=True).hold(breaks)]
    return int(breaks[0]) if len(breaks) else len(text)


def _all(first: Rows, chunks: Iterator[Rows]) -> Iterator[Rows]:
    yield first
    yield from chunks


def row_chunks(
    stream: IO[bytes], syntax: Syntax, chunk_bytes: int, most_row_bytes: int
) -> Iterator[Rows]:
    """Yields the rows of a file in chunks, without a byte order mark.

    Args:
        stream: CSV text, as `plain_stream` gives it.
        syntax: how it is written.
        chunk_bytes: about how much text a chunk has; no result depends on it.
        most_row_bytes: a row with more ends the reading.

    Raises:
        FileFault: the file is damaged, or its rows have no end; the whole rows before
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
        rows, end = _whole_rows(text, line, syntax, is_last=is_last)
        if end:
            yield rows
            line += lines(rows.text, syntax)
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


def _whole_rows(
    text: bytearray, line: int, syntax: Syntax, *, is_last: bool
) -> tuple[Rows, int]:
    """Returns the rows that end in a text, all if no more comes, and where they do."""
    quoted = quoted_cells(text, syntax, is_last=is_last)
    end = len(text) if is_last else _end_of_rows(text, quoted)
    broken = [position for position in quoted.broken if position < end]
    rows = bytes(memoryview(text)[:end])
    if broken:
        return _without(rows, line, quoted, broken, syntax), end
    return Rows(line, rows), end


def _end_of_rows(text: bytearray, quoted: Quoted) -> int:
    """Returns where the last row ends whose end is known; 0: there is none."""
    end = _after_break(text, quoted.end)
    while end:
        cell = int(np.searchsorted(quoted.starts, end - 1, side="right")) - 1
        if cell < 0 or quoted.ends[cell] < end:
            break
        end = _after_break(text, int(quoted.starts[cell]))
    return end


def _after_break(text: bytearray, before: int) -> int:
    """Returns where the last line break that is whole ends; 0: there is none."""
    # A line feed may follow a return that is all that has come.
    returns = text.rfind(b"\r", 0, min(before, len(text) - 1))
    return max(text.rfind(b"\n", 0, before), returns) + 1


def _without(
    text: bytes, line: int, quoted: Quoted, broken: list[int], syntax: Syntax
) -> Rows:
    """Blanks each row with a broken cell, from its start to the end of the cell's line.

    Args:
        text: whole rows.
        line: the number of the first.
        quoted: their quoted cells.
        broken: the opening quotes of the broken ones.
        syntax: how the text is written.
    """
    starts = row_starts(text, syntax, quoted)
    pieces: list[bytes] = []
    unclosed = []
    done = 0
    for position in broken:
        start = int(starts[np.searchsorted(starts, position, side="right") - 1])
        end = LINE_BREAK.search(text, position)
        after = end.start() if end else len(text)
        before, row = text[done:start], text[start:after]
        # A return must not become one line break with a line feed after it.
        kept = before.rstrip(b"\r")
        blank = len(before) - len(kept) + lines(row, syntax)
        pieces += [kept, b"\n" * blank]
        shown = syntax.original(row)[:_SHOWN_BYTES]
        unclosed.append(Unclosed(line + lines(text, syntax, start), shown))
        done = after
    return Rows(line, b"".join([*pieces, text[done:]]), tuple(unclosed))


def row_starts(text: bytes, syntax: Syntax, quoted: Quoted | None = None) -> np.ndarray:
    """Returns where the rows of a text begin that are not blank, int64 [rows]."""
    quoted = quoted or quoted_cells(text, syntax, is_last=True)
    breaks = positions_of(text, _LINE_FEED, _RETURN)
    starts = np.concatenate([[0], breaks[~quoted.hold(breaks)] + 1])
    starts = starts[starts < len(text)]
    data = np.frombuffer(text, np.uint8)
    return starts[~np.isin(data[starts], (_LINE_FEED, _RETURN))]


def lines(text: bytes, syntax: Syntax, end: int | None = None) -> int:
    """Returns how many line breaks a file has for a text, or a start of it."""
    if syntax.dialect.escape is not None:  # line breaks may be escaped
        text, end = syntax.original(text[:end]), None
    return _breaks(text, end)


def _breaks(text: bytes, end: int | None) -> int:
    feeds, returns = text.count(b"\n", 0, end), text.count(b"\r", 0, end)
    return feeds + returns - (text.count(b"\r\n", 0, end) if returns else 0)
