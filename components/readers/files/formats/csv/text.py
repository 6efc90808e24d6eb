"""CSV files of any dialect, gzipped or not, in chunks of whole rows.

Blank lines are ignored. A bad row is told by the line that it starts at.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from shardline.components.readers.files.formats.csv.cells import CELL, header_of, parsed
from shardline.components.readers.files.formats.csv.encodings import plain_stream
from shardline.components.readers.files.formats.csv.headers import even_rows
from shardline.components.readers.files.formats.csv.lists import (
    Parts,
    check_positions,
    column_of_cells,
    keys_of_cells,
    numbers_of_cells,
)
from shardline.components.readers.files.formats.csv.numbers import (
    example_of,
    has_plain_numbers,
)
from shardline.components.readers.files.formats.csv.rows import (
    MOST_ROW_BYTES,
    Rows,
    header_and_rows,
    lines,
    row_starts,
)
from shardline.components.readers.files.formats.csv.syntax import Syntax, syntax_of
from shardline.components.readers.files.judging.bad_input import RowFaults
from shardline.components.readers.files.raw_batch import RawBatch, ReadTask, mark_long
from shardline.components.readers.files.splits.row_texts import row_texts
from shardline.components.readers.files.streams import byte_stream
from shardline.configs.dialect import Dialect
from shardline.configs.shown import quoted, shown

_CHUNK_BYTES = 1 << 20
_SHOWN = 60  # characters of a value


def read_csv(task: ReadTask) -> Iterator[RawBatch]:
    """Yields the task's chunks, cut into batches.

    Raises:
        FileFault: the file is damaged, or lacks a column; what comes before is yielded.
    """
    with opened_csv(task.file, task.settings.dialect) as (line, chunks, syntax):
        with_rows = (
            (number, rows)
            for number, rows in enumerate(chunks)
            if rows.unclosed or not rows.is_blank
        )
        some = next(with_rows, None)
        if some is None:
            if line.strip():
                header_of(line, [], syntax)  # What is no header may be rows.
            task.record_stored(0)
            return
        header = header_of(line, task.settings.wanted, syntax)
        for number, rows in itertools.chain([some], with_rows):
            if task.has(number):
                yield from _Chunk(rows, header, syntax, task).batches()


class OpenedCsv(NamedTuple):
    """CSV that is being read.

    Attributes:
        line: the header's row without its line break; empty if the dialect gives the
            header.
        chunks: the rows below.
        syntax: how both are written.
    """

    line: bytes
    chunks: Iterator[Rows]
    syntax: Syntax


@contextmanager
def opened_csv(
    file: str, dialect: Dialect, chunk_bytes: int | None = None
) -> Iterator[OpenedCsv]:
    """Opens CSV.

    Args:
        file: as `match` gives it.
        dialect: how it is written.
        chunk_bytes: about how much text a chunk of rows has; None: a megabyte.

    Raises:
        FileFault: the file is damaged, or its first row has no end.
    """
    syntax = syntax_of(dialect)
    with byte_stream(file) as stream:
        plain = plain_stream(stream, syntax)
        size = chunk_bytes or _CHUNK_BYTES
        yield OpenedCsv(*header_and_rows(plain, syntax, size, MOST_ROW_BYTES), syntax)


class _Chunk:
    """Some whole rows of text."""

    def __init__(
        self, rows: Rows, header: list[str], syntax: Syntax, task: ReadTask
    ) -> None:
        self._rows = rows
        self._header = header
        self._syntax = syntax
        self._task = task

    def batches(self) -> Iterator[RawBatch]:
        self._tell_of_unclosed()
        if self._rows.is_blank:
            return
        table, kept = self._parsed()
        size = self._task.batch_rows
        for first in range(0, table.num_rows, size):
            rows = table.slice(first, size)
            lines = kept[first : first + size]
            faults = self._faults(rows.num_rows, partial(self._line_among, lines))
            columns = self._columns(rows, faults)
            stored = self._of_splits(rows, faults)
            texts = None
            if self._task.settings.draws_rows:
                cells = [column.combine_chunks() for column in rows.columns]
                texts = row_texts(self._header, cells, rows.num_rows)
            yield RawBatch(
                columns,
                faults,
                text=columns.keys(),
                stored=stored,
                keys=self._keys(rows),
                header=self._header,
                row_texts=texts,
            )

    def _faults(self, rows: int, line_of: Callable[[int], int]) -> RowFaults:
        task, first = self._task, self._rows.line
        return RowFaults(task.bad, rows, task.file, line_of, "line", first)

    def _tell_of_unclosed(self) -> None:
        unclosed = self._rows.unclosed
        self._faults(len(unclosed), lambda row: unclosed[row].line).mark(
            np.arange(len(unclosed)),
            "a quote is not closed",
            lambda row: quoted(unclosed[row].text),
            "Close it, and write a quote inside of quotes as "
            f"{2 * self._syntax.quote}.",
        )

    def _parsed(self) -> tuple[pa.Table, np.ndarray]:
        """Returns the rows that have all cells, and their numbers in the chunk."""
        invalid: list[pa_csv.InvalidRow] = []
        table = parsed(
            self._rows.text,
            self._header,
            self._task.settings.wanted,
            self._syntax,
            invalid,
            has_all=self._task.settings.draws_rows,
        )
        total = table.num_rows + len(invalid)
        uneven = np.array([row.number - 1 for row in invalid], np.int64)
        by_row = dict(zip(uneven.tolist(), invalid, strict=True))
        self._faults(total, self._line).mark(
            uneven,
            f"a row has not the header's {len(self._header)} cells",
            lambda row: f"it has {by_row[row].actual_columns}",
            even_rows(self._syntax.dialect),
        )
        return table, np.delete(np.arange(total), uneven)

    def _line_among(self, kept: np.ndarray, row: int) -> int:
        return self._line(int(kept[row]))

    def _line(self, row: int) -> int:
        """Returns the line that a row starts at."""
        start = int(self._starts[row])
        return self._rows.line + lines(self._rows.text, self._syntax, start)

    @cached_property
    def _starts(self) -> np.ndarray:
        return row_starts(self._rows.text, self._syntax)

    def _columns(self, rows: pa.Table, faults: RowFaults) -> dict[str, pa.Array]:
        """Returns columns with empty cells null, ragged ones split into lists."""
        settings = self._task.settings
        columns: dict[str, pa.Array] = {}
        lists: dict[str, Parts] = {}
        for name in settings.wanted:
            cells = rows.column(name).combine_chunks()
            column = settings.columns.get(name)
            if column is not None and column.ragged:
                cells = self._short(name, cells, faults)
            columns[name], parts, unfit = column_of_cells(cells, column, settings)
            if settings.has_words(name):
                words = {word.encode() for word in settings.label_words}
                unfit = {row: text for row, text in unfit.items() if text not in words}
            self._mark_unfit(name, unfit, faults)
            if parts:
                lists[name] = parts
        for weights, ids in settings.paired:
            if weights in lists and ids in lists:
                check_positions(weights, ids, lists, faults)
        return columns

    def _of_splits(self, rows: pa.Table, faults: RowFaults) -> dict[str, pa.Array]:
        """Returns columns that tell splits, by numbers that are not written plainly."""
        settings = self._task.settings
        columns: dict[str, pa.Array] = {}
        if has_plain_numbers(settings.dialect):
            return columns
        for name in settings.drawn_by:
            # Whatever feature reads it, as keys of joins.
            columns[name] = keys_of_cells(rows.column(name).combine_chunks(), settings)
        for name in settings.compared_as_numbers:
            cells = rows.column(name).combine_chunks()
            columns[name], _, unfit = numbers_of_cells(cells, settings)
            self._mark_unfit(name, unfit, faults)
        return columns

    def _keys(self, rows: pa.Table) -> dict[str, pa.Array]:
        """Returns keys that a feature may read in another way, from their cells."""
        settings = self._task.settings
        return {
            name: keys_of_cells(rows.column(name).combine_chunks(), settings)
            for name in settings.key_columns
            if name in settings.columns or not has_plain_numbers(settings.dialect)
        }

    def _mark_unfit(
        self, name: str, unfit: dict[int, bytes], faults: RowFaults
    ) -> None:
        if not unfit:
            return
        faults.mark(
            np.array(list(unfit), np.int64),
            f"column `{shown(name)}` does not hold numbers as `data.files.dialect` "
            "says they are written",
            lambda row: f"it holds {quoted(unfit[row], _SHOWN)}",
            f"Write them as {quoted(example_of(self._task.settings.dialect))}, or "
            "correct `decimal` and `thousands` there.",
        )

    def _short(self, name: str, cells: pa.Array, faults: RowFaults) -> pa.Array:
        """Returns cells of lists, those with too many values null and marked."""
        settings = self._task.settings
        found = pc.count_substring(cells, settings.list_separator)
        counts = np.asarray(found, np.int64) + 1
        long = np.flatnonzero(counts > settings.max_values)
        if not len(long):
            return cells
        mark_long(name, long, counts, settings.max_values, faults)
        return pc.if_else(pa.array(faults.good), cells, pa.scalar(None, CELL))
