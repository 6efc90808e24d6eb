"""Some rows of several files, whatever their columns hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from shardline.components.readers.files.column_names import columns_shown
from shardline.components.readers.files.formats.csv.cells import header_of, parsed
from shardline.components.readers.files.formats.csv.headers import even_rows
from shardline.components.readers.files.formats.csv.text import opened_csv
from shardline.components.readers.files.formats.example_columns import decode_all
from shardline.components.readers.files.formats.message_types import (
    AS_EXAMPLES,
    feature_lists,
    is_example,
)
from shardline.components.readers.files.formats.parquet import parquet_file
from shardline.components.readers.files.formats.tfrecord import record_batches
from shardline.components.readers.files.judging.bad_input import (
    BadInputError,
    FileFault,
)
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.streams import byte_stream
from shardline.configs.shown import escaped

_MOST_FILES = 10
_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True)
class Piece:
    """The first rows of one file.

    Attributes:
        file: its location.
        batch: the rows.
        is_whole: whether the file has no more.
        fault: why the file is bad after these rows, and what to do; "" if it is not.
    """

    file: str
    batch: pa.RecordBatch
    is_whole: bool
    fault: str = ""


def sample(
    files: Sequence[str], settings: ReadSettings, rows: int, columns: Sequence[str]
) -> list[Piece]:
    """Returns the first rows of some files, spread over all of them.

    Nothing is asked of the columns, which come in the types of the file. CSV has binary
    cells, empty where a value is missing; tf.Examples have lists.

    Args:
        files: those that have rows.
        settings: only format and dialect are used, and whether a bad file is an error;
            what it has before its fault is read otherwise.
        rows: the most rows of all pieces together.
        columns: what to read; one that is not there once is left out. Examples of
            TFRecord come with all that they have.

    Raises:
        BadInputError: a bad file is an error, or none holds a row that can be read.
    """
    pieces, faults = [], []
    for file in spread(files):
        piece = _piece(file, settings, rows, columns)
        if piece.fault:
            faults.append(f"{escaped(file, keep='')}: {piece.fault}")
        if piece.batch.num_rows:
            pieces.append(piece)
    if faults and (settings.on_bad_file == "error" or not pieces):
        raise BadInputError(faults[0])
    if not pieces:
        raise BadInputError(_no_row(files, settings))
    limits = _rows_of_each([piece.batch.num_rows for piece in pieces], rows)
    return [
        Piece(
            piece.file,
            piece.batch.slice(0, limit),
            piece.is_whole and limit == piece.batch.num_rows,
            piece.fault,
        )
        for piece, limit in zip(pieces, limits, strict=True)
        if limit
    ]


def _piece(
    file: str, settings: ReadSettings, rows: int, columns: Sequence[str]
) -> Piece:
    try:
        return _SAMPLES[settings.format](file, settings, rows, columns)
    except FileFault as fault:
        return Piece(file, _first(pa.table({}), 0), is_whole=False, fault=str(fault))


def _no_row(files: Sequence[str], settings: ReadSettings) -> str:
    named = ", ".join(escaped(file, keep="") for file in files[:3])
    why = _why_no_example(files[0]) if settings.format == "tfrecord" and files else ""
    return (
        f"{named}{' ...' if len(files) > 3 else ''}: no row that can be read. "
        f"{why or 'Correct `data.files`, or write the files again.'}"
    )


def _why_no_example(file: str) -> str:
    """Says what the first record of a file is instead of a tf.Example, or nothing."""
    with byte_stream(file) as stream:
        record = next(record_batches(stream, 1), [b""])[0]
    if is_example(record):
        return ""
    lists = feature_lists(record)
    if lists is None:
        return (
            f"Its first record is no tf.Example: {len(record):,} bytes, the first "
            f"{record[:20]!r}. Write tf.train.Example.SerializeToString() into records."
        )
    return (
        "It holds tf.SequenceExamples, expected tf.Examples: the feature lists of the "
        f"first are {columns_shown(lists)}. {AS_EXAMPLES}"
    )


def spread(files: Sequence[str]) -> list[str]:
    """Returns some of many files: the first, the last, and some between."""
    indices = np.linspace(0, len(files) - 1, min(len(files), _MOST_FILES))
    return [files[int(index)] for index in indices.round()]


def _rows_of_each(there: Sequence[int], rows: int) -> list[int]:
    """Divides rows equally; what a file lacks is left to others."""
    limits = [0] * len(there)
    in_order = sorted(range(len(there)), key=there.__getitem__)
    for taken, i in enumerate(in_order):
        limits[i] = min(there[i], rows // (len(there) - taken))
        rows -= limits[i]
    return limits


def _of_tfrecord(file: str, _: ReadSettings, rows: int, __: Sequence[str]) -> Piece:
    with byte_stream(file) as stream:
        batches = record_batches(stream, rows)
        records = next(batches, [])
        more, fault = _next(batches)
    examples = [record for record in records if is_example(record)]
    batch = decode_all(examples) if examples else _first(pa.table({}), 0)
    return Piece(file, batch, not (more or fault), fault)


def _next(rest: Iterator[_T]) -> tuple[_T | None, str]:
    """Returns what comes next in a file, if anything, and what is wrong with it."""
    try:
        return next(rest, None), ""
    except FileFault as fault:
        return None, str(fault)


def _of_csv(
    file: str, settings: ReadSettings, rows: int, columns: Sequence[str]
) -> Piece:
    with opened_csv(file, settings.dialect) as (line, chunks, syntax):
        header = header_of(line, [], syntax)
        texts = (some.text for some in chunks if not some.is_blank)
        text, fault = _next(texts)
        more, damage = _next(texts)
        fault, is_whole = fault or damage, not (more or fault or damage)
    once = [name for name in columns if header.count(name) == 1]
    if not text or not once:
        return Piece(file, _first(pa.table({}), 0), is_whole, fault)
    uneven: list[pa_csv.InvalidRow] = []
    table = parsed(text, header, once, syntax, uneven)
    if not table.num_rows and uneven:
        raise FileFault(
            f"none of its first rows has the header's {len(header)} cells; the first "
            f"has {uneven[0].actual_columns}. {even_rows(settings.dialect)}"
        )
    whole = is_whole and table.num_rows <= rows
    return Piece(file, _first(table, rows), whole, fault)


def _of_parquet(file: str, _: ReadSettings, rows: int, columns: Sequence[str]) -> Piece:
    with parquet_file(file) as opened_file:
        schema = opened_file.schema_arrow
        once = [name for name in columns if schema.names.count(name) == 1]
        batches: list[pa.RecordBatch] = []
        for batch in opened_file.iter_batches(
            batch_size=rows, columns=once, use_threads=False
        ):
            batches.append(batch)
            if sum(batch.num_rows for batch in batches) >= rows:
                break
        is_whole = opened_file.metadata.num_rows <= rows
    if not batches:
        return Piece(file, _first(pa.table({}), 0), is_whole)
    return Piece(file, _first(pa.Table.from_batches(batches), rows), is_whole)


def _first(table: pa.Table, rows: int) -> pa.RecordBatch:
    batches = table.slice(0, rows).combine_chunks().to_batches()
    if batches:
        return batches[0]
    return pa.RecordBatch.from_arrays(
        [pa.array([], field.type) for field in table.schema], table.schema.names
    )


_SAMPLES: dict[str, Callable[[str, ReadSettings, int, Sequence[str]], Piece]] = {
    "tfrecord": _of_tfrecord,
    "csv": _of_csv,
    "parquet": _of_parquet,
}
