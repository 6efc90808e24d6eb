"""What the start of a file tells: whether it can be read, its columns, any row."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from shardline.components.readers.files.formats.csv.cells import header_of
from shardline.components.readers.files.formats.csv.encodings import plain_stream
from shardline.components.readers.files.formats.csv.headers import unlike
from shardline.components.readers.files.formats.csv.rows import lines
from shardline.components.readers.files.formats.csv.syntax import Syntax, syntax_of
from shardline.components.readers.files.formats.csv.text import opened_csv
from shardline.components.readers.files.formats.parquet import parquet_file
from shardline.components.readers.files.formats.tfrecord import record_batches
from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.components.readers.files.locations import size_of
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.streams import byte_stream, file_faults

_BLOCK_BYTES = 1 << 16
_ROWS = 100  # that a line is compared with to tell whether it is a header


@dataclasses.dataclass(frozen=True)
class Head:
    """The start of one file.

    Attributes:
        file: its location.
        columns: their names, in the order of the file; none if each example says its
            own, as tf.Examples do, or if the file is empty.
        rows: how many there are; None if the start does not tell.
        fault: why the file cannot be read, and what to do; "" if it can.
        unlike: why its first line seems to be no header, and what to do; or "".
    """

    file: str
    columns: tuple[str, ...] = ()
    rows: int | None = None
    fault: str = ""
    unlike: str = ""

    @property
    def has_rows(self) -> bool:
        """Whether it can be read and has at least one row."""
        return not self.fault and self.rows != 0


def head_of(file: str, settings: ReadSettings) -> Head:
    """Returns what the start of a file tells; what is wrong with it is in `fault`.

    Args:
        file: as `match` gives it.
        settings: only format and dialect are used.
    """
    try:
        return _HEADS[settings.format](file, settings)
    except FileFault as fault:
        return Head(file, fault=str(fault))


def rows_up_to(files: Iterable[str], settings: ReadSettings, enough: int) -> int:
    """Returns how many rows files have at most, or `enough` if they may have as many.

    Reading stops there; what of it is damaged is not counted.

    Args:
        files: as `match` gives them.
        settings: only format and dialect are used.
        enough: where to stop.
    """
    rows = 0
    for file in files:
        try:
            rows += _COUNTS[settings.format](file, settings, enough - rows)
        except FileFault:
            continue
        if rows >= enough:
            return enough
    return rows


def _of_csv(file: str, settings: ReadSettings) -> Head:
    with opened_csv(file, settings.dialect, _BLOCK_BYTES) as (line, chunks, syntax):
        text = next((rows.text for rows in chunks if not rows.is_blank), b"")
    if not line.strip() and not text:
        return Head(file, rows=0)
    there = header_of(line, [], syntax)
    if not text:
        return Head(file, rows=0)
    if settings.dialect.header is not None:
        return Head(file, tuple(there))
    below = text[:_BLOCK_BYTES].decode(errors="replace").splitlines()[:_ROWS]
    known = _cells(below, syntax)
    said = unlike(there, line.decode(), known, settings.dialect.delimiter)
    return Head(file, tuple(there), unlike=said)


def _cells(some: Sequence[str], syntax: Syntax) -> list[list[str]]:
    try:
        return list(csv.reader(some, **syntax.python_format))
    except csv.Error:
        return []


def _of_tfrecord(file: str, _: ReadSettings) -> Head:
    with byte_stream(file) as stream:
        first = next(record_batches(stream, 1), None)
    return Head(file, rows=None if first else 0)


def _of_parquet(file: str, _: ReadSettings) -> Head:
    with file_faults():
        if not size_of(file):
            return Head(file, rows=0)
    with parquet_file(file) as opened_file:
        return Head(
            file,
            tuple(opened_file.schema_arrow.names),
            opened_file.metadata.num_rows,
        )


def _count_csv(file: str, settings: ReadSettings, enough: int) -> int:
    """Counts lines, of which a row has at least one."""
    count = 0 if settings.dialect.header is not None else -1
    last = b"\n"
    with byte_stream(file) as stream:
        syntax = syntax_of(settings.dialect)
        plain = plain_stream(stream, syntax)
        while count < enough and (block := plain.read(_BLOCK_BYTES)):
            count += lines(block, syntax)
            last = block[-1:]
    return max(0, count + (last not in b"\r\n"))


def _count_tfrecord(file: str, _: ReadSettings, enough: int) -> int:
    with byte_stream(file) as stream:
        batches = record_batches(stream, 1)
        return sum(len(batch) for batch in islice(batches, enough))


def _count_parquet(file: str, settings: ReadSettings, enough: int) -> int:
    return min(enough, _of_parquet(file, settings).rows or 0)


_HEADS: dict[str, Callable[[str, ReadSettings], Head]] = {
    "csv": _of_csv,
    "tfrecord": _of_tfrecord,
    "parquet": _of_parquet,
}
_COUNTS: dict[str, Callable[[str, ReadSettings, int], int]] = {
    "csv": _count_csv,
    "tfrecord": _count_tfrecord,
    "parquet": _count_parquet,
}
