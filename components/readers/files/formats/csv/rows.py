"""Rows of CSV text, in chunks of whole ones.

A row ends at a line break that is in no quoted cell. A row with a broken quoted cell is
bad, and the next one begins at the line after that cell's opening quote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np

from shardline.components.readers.files.formats.csv.headers import no_text
from shardline.components.readers.files.formats.csv.quotes import (
    LINE_BREAK,
    Quoted,
    positions_of,
    quoted_cells,
)
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


def header_and_rows(
    stream: IO[bytes], chunk_bytes: int, most_row_bytes: int
) -> tuple[bytes, Iterator[Rows]]:
    """Returns the first row without its line break, and what follows in chunks.

    Args:
        stream: CSV text.
        chunk_bytes: about how much text a chunk has; no result depends on it.
        most_row_bytes: a row with more ends the reading.

    Raises:
        FileFault: the file is damaged, or its rows have no end, which is raised after
            the whole rows before; or the first row is unclosed.
    """
    chunks = row_chunks(stream, chunk_bytes, most_row_bytes)
    first = next(chunks, Rows(1, b""))
    if first.unclosed and first.unclosed[0].line == 1:
        unclosed = "its header line has a quote that is not closed. Close it."
        raise FileFault(no_text(first.unclosed[0].text) or unclosed)
    breaks = positions_of(first.text, _LINE_FEED)
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
    broken = [position for position in quoted.broken if position < end]
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
        text: whole rows.
        line: the number of the first.
        quoted: their quoted cells.
        broken: the opening quotes of the broken ones.
    """
    starts = row_starts(text, quoted)
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
        pieces += [kept, b"\n" * (len(before) - len(kept) + lines(row))]
        unclosed.append(Unclosed(line + lines(text, start), row[:_SHOWN_BYTES]))
        done = after
    return Rows(line, b"".join([*pieces, text[done:]]), tuple(unclosed))


def row_starts(text: bytes, quoted: Quoted | None = None) -> np.ndarray:
    """Returns where the rows of a text begin that are not blank, int64 [rows]."""
    quoted = quoted or quoted_cells(text, is_last=True)
    breaks = positions_of(text, _LINE_FEED, _RETURN)
    starts = np.concatenate([[0], breaks[~quoted.hold(breaks)] + 1])
    starts = starts[starts < len(text)]
    data = np.frombuffer(text, np.uint8)
    return starts[~np.isin(data[starts], (_LINE_FEED, _RETURN))]


def lines(text: bytes, end: int | None = None) -> int:
    """Returns how many line breaks are in a text, or before a position in it."""
    feeds, returns = text.count(b"\n", 0, end), text.count(b"\r", 0, end)
    return feeds + returns - (text.count(b"\r\n", 0, end) if returns else 0)
