"""CSV files with a header line, gzipped or not.

Cut into chunks after a row: where a line ends and the quotes before it are even. A
chunk without such a place has a quote that is never closed; there a row is a line, and
lines with an odd number of quotes are bad. Blank lines are ignored.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from components.files.bad_input import FileFault, RowFaults
from components.files.csv_cells import CELL, header_of, parsed
from components.files.raw_batch import RawBatch, Share, mark_long
from components.files.streams import byte_stream

_CHUNK_BYTES = 1 << 20
_MOST_ROW_BYTES = 1 << 28
_MOST_QUOTED_CHUNKS = 8  # a row with a quoted line break has not more; else it is open
_QUOTE = b'"'


def read_csv(share: Share) -> Iterator[RawBatch]:
    """Yields the share's chunks, cut into batches.

    Raises:
        FileFault: The file is damaged, or lacks a column; what comes before is yielded.
    """
    with byte_stream(share.file) as stream:
        chunks = row_chunks(stream)
        _, first = next(chunks, (1, b""))
        line, _, rest = first.partition(b"\n")
        with_rows = (chunk for chunk in _all_chunks(rest, chunks) if chunk[2].strip())
        some = next(with_rows, None)
        if some is None:
            if line.strip():
                header_of(line, [])  # What is no header may be rows.
            share.tell_rows(0)
            return
        header = header_of(line, share.rules.wanted)
        for number, start, text in itertools.chain([some], with_rows):
            if share.has(number):
                yield from _Chunk(start, text, header, share).batches()


def _all_chunks(
    rest: bytes, chunks: Iterator[tuple[int, bytes]]
) -> Iterator[tuple[int, int, bytes]]:
    """Yields (number, number of its first line, text) of what is below the header."""
    yield 0, 2, rest
    for number, (line, text) in enumerate(chunks, 1):
        yield number, line, text


def row_chunks(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yields (number of its first line, text) of about a megabyte of whole rows each.

    Raises:
        FileFault: The file is damaged, or its rows have no end; the whole rows before
            are yielded first.
    """
    text = bytearray()
    line, enough = 1, _CHUNK_BYTES
    is_last, damage = False, None
    while not is_last:
        try:
            block = stream.read1(_CHUNK_BYTES)  # type: ignore[attr-defined]
            is_last = not block
        except FileFault as fault:
            block, is_last, damage = b"", True, fault
        text += block
        if not is_last and len(text) < enough:
            continue
        if damage:
            del text[text.rfind(b"\n") + 1 :]
        while end := _end_of_rows(text, is_last=is_last):
            yield line, bytes(text[:end])
            line += text.count(b"\n", 0, end)
            del text[:end]
        enough = max(_CHUNK_BYTES, 2 * len(text))
        if len(text) > _MOST_ROW_BYTES:
            damage, is_last = FileFault(_endless(line)), True
    if damage:
        raise damage


def _endless(line: int) -> str:
    return (
        f"line {line} has no end within {_MOST_ROW_BYTES:,} bytes; is this a CSV file? "
        "Write one row a line."
    )


def _end_of_rows(text: bytearray, *, is_last: bool) -> int:
    """Returns where the last row ends: 0 if more must be read to know."""
    last = len(text) if is_last else text.rfind(b"\n") + 1
    is_odd = text.count(_QUOTE, 0, last) % 2
    end = last
    while is_odd and end:
        before = text.rfind(b"\n", 0, end - 1) + 1
        is_odd ^= text.count(_QUOTE, before, end) % 2
        end = before
    is_open = is_last or len(text) > _MOST_QUOTED_CHUNKS * _CHUNK_BYTES
    return end or (last if is_open else 0)


class _Chunk:
    """Some whole rows of text."""

    def __init__(self, start: int, text: bytes, header: list[str], share: Share):
        self._start = start
        self._text = text
        self._header = header
        self._share = share

    def batches(self) -> Iterator[RawBatch]:
        if self._text.count(_QUOTE) % 2:
            self._leave_out_open_quotes()
        if not self._text.strip():
            return
        table, kept = self._parsed()
        size = self._share.batch_rows
        for first in range(0, table.num_rows, size):
            rows = table.slice(first, size)
            lines = kept[first : first + size]
            faults = self._faults(rows.num_rows, partial(self._line_among, lines))
            columns = {
                name: self._cells(name, rows.column(name).combine_chunks(), faults)
                for name in self._share.rules.wanted
            }
            yield RawBatch(columns, faults, is_text=True)

    def _faults(self, rows: int, line_of: Callable[[int], int]) -> RowFaults:
        return RowFaults(self._share.bad, rows, self._share.file, line_of, "line")

    def _leave_out_open_quotes(self) -> None:
        """Blanks lines with an odd number of quotes, where rows are lines."""
        lines = self._text.split(b"\n")
        odd = [i for i, line in enumerate(lines) if line.count(_QUOTE) % 2]
        self._faults(len(lines), lambda row: self._start + row).mark(
            np.array(odd),
            "a quote is not closed",
            lambda row: repr(lines[row][:80])[1:],
            'Close it, and write a quote inside of quotes as "".',
        )
        for i in odd:
            lines[i] = b""
        self._text = b"\n".join(lines)

    def _parsed(self) -> tuple[pa.Table, np.ndarray]:
        """Returns the rows that have all cells, and their numbers in the chunk."""
        invalid: list[pa_csv.InvalidRow] = []
        table = parsed(self._text, self._header, self._share.rules.wanted, invalid)
        total = table.num_rows + len(invalid)
        uneven = np.array([row.number - 1 for row in invalid], np.int64)
        by_row = dict(zip(uneven.tolist(), invalid, strict=True))
        self._faults(total, self._line).mark(
            uneven,
            f"a row has not the header's {len(self._header)} cells",
            lambda row: f"it has {by_row[row].actual_columns}",
            "Write as many as the header has, with quotes around a comma in a cell.",
        )
        return table, np.delete(np.arange(total), uneven)

    def _line_among(self, kept: np.ndarray, row: int) -> int:
        return self._line(int(kept[row]))

    def _line(self, row: int) -> int:
        """Finds the line that a row starts at; rare, so it reads the lines again."""
        starts = []
        is_inside = False
        for number, line in enumerate(self._text.split(b"\n"), self._start):
            if not is_inside and line.rstrip(b"\r"):
                starts.append(number)
            is_inside ^= bool(line.count(_QUOTE) % 2)
        return starts[min(row, len(starts) - 1)]

    def _cells(self, name: str, cells: pa.Array, faults: RowFaults) -> pa.Array:
        """Returns a column with empty cells null, ragged ones split into lists."""
        rules = self._share.rules
        is_full = pc.greater(pc.binary_length(cells), 0)
        if name in rules.columns and rules.columns[name].ragged:
            counts = pc.count_substring(cells, rules.list_separator).to_numpy() + 1
            long = np.flatnonzero(counts > rules.max_values)
            if len(long):
                mark_long(name, long, counts, rules.max_values, faults)
                is_full = pa.array(faults.good & is_full.to_numpy(False))
            cells = pc.if_else(is_full, cells, pa.scalar(None, CELL))
            return pc.split_pattern(cells, rules.list_separator)
        return pc.if_else(is_full, cells, pa.scalar(None, CELL))
