"""Some rows of several files, whatever their columns hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from components.files.bad_input import BadInputError, FileFault
from components.files.column_names import columns_shown
from components.files.csv_cells import header_of, parsed
from components.files.csv_text import opened_rows
from components.files.message_types import feature_lists, is_example
from components.files.parquet import parquet_file
from components.files.rules import ReadRules
from components.files.streams import byte_stream
from components.files.tf_examples import as_found
from components.files.tfrecord import record_batches
from configs.shown import escaped

_MOST_FILES = 10


@dataclasses.dataclass(frozen=True)
class Piece:
    """The first rows of one file.

    Attributes:
        file: The place.
        batch: The rows.
        is_whole: Whether the file has no more.
    """

    file: str
    batch: pa.RecordBatch
    is_whole: bool


def sample(
    files: Sequence[str],
    rules: ReadRules,
    rows: int,
    columns: Sequence[str],
    tell: Callable[[str], None] | None = None,
) -> list[Piece]:
    """Returns the first rows of some files, spread over all of them.

    Nothing is asked of the columns, which come in the types of the file. CSV has binary
    cells, empty where a value is missing; tf.Examples have lists.

    Args:
        files: Those that have rows.
        rules: Only the format is used.
        rows: The most rows of all pieces together.
        columns: What to read; one that is not there once is left out. Examples of
            TFRecord come with all that they have.
        tell: Takes what is wrong with a file that cannot be read, which is left out;
            None: it is an error.

    Raises:
        BadInputError: A file cannot be read, or none holds a row that can.
    """
    pieces = []
    for file in spread(files):
        try:
            piece = _SAMPLES[rules.format](file, rows, columns)
        except FileFault as fault:
            told = f"{escaped(file, keep='')}: {fault}"
            if tell is None:
                raise BadInputError(told) from fault
            tell(told)
            continue
        if piece.batch.num_rows:
            pieces.append(piece)
    if not pieces:
        named = ", ".join(escaped(file, keep="") for file in files[:3])
        raise BadInputError(
            f"{named}{' ...' if len(files) > 3 else ''}: no row that can be read. "
            "Correct `data.files`, or write the files again."
        )
    shares = _shares([piece.batch.num_rows for piece in pieces], rows)
    return [
        Piece(
            piece.file,
            piece.batch.slice(0, share),
            piece.is_whole and share == piece.batch.num_rows,
        )
        for piece, share in zip(pieces, shares, strict=True)
        if share
    ]


def spread(files: Sequence[str]) -> list[str]:
    """Returns some of many files: the first, the last, and some between."""
    places = np.linspace(0, len(files) - 1, min(len(files), _MOST_FILES))
    return [files[int(place)] for place in places.round()]


def _shares(there: Sequence[int], rows: int) -> list[int]:
    """Shares rows out equally; what a file lacks is left to others."""
    shares = [0] * len(there)
    in_order = sorted(range(len(there)), key=there.__getitem__)
    for taken, i in enumerate(in_order):
        shares[i] = min(there[i], rows // (len(there) - taken))
        rows -= shares[i]
    return shares


def _of_tfrecord(file: str, rows: int, _: Sequence[str]) -> Piece:
    with byte_stream(file) as stream:
        batches = record_batches(stream, rows)
        records = next(batches, [])
        is_whole = next(batches, None) is None
    if records and not is_example(records[0]):
        lists = feature_lists(records[0])
        if lists is not None:
            raise FileFault(
                "holds tf.SequenceExamples, expected tf.Examples: the feature lists of "
                f"the first are {columns_shown(lists)}. Write tf.train.Example, with a "
                "feature for each feature list, and one for each feature of the "
                "context."
            )
    return Piece(file, as_found(records), is_whole)


def _of_csv(file: str, rows: int, columns: Sequence[str]) -> Piece:
    with byte_stream(file) as stream:
        line, chunks = opened_rows(stream)
        header = header_of(line, [])
        text = next((some.text for some in chunks if some.text.strip()), b"")
        is_whole = not any(some.text.strip() for some in chunks)
    once = [name for name in columns if header.count(name) == 1]
    if not text or not once:
        return Piece(file, _first(pa.table({}), 0), is_whole)
    uneven: list[pa_csv.InvalidRow] = []
    table = parsed(text, header, once, uneven)
    if not table.num_rows and uneven:
        raise FileFault(
            f"none of its first rows has the header's {len(header)} cells; the first "
            f"has {uneven[0].actual_columns}. Write as many as the header has, with "
            "commas between them."
        )
    return Piece(file, _first(table, rows), is_whole and table.num_rows <= rows)


def _of_parquet(file: str, rows: int, columns: Sequence[str]) -> Piece:
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


_SAMPLES: dict[str, Callable[[str, int, Sequence[str]], Piece]] = {
    "tfrecord": _of_tfrecord,
    "csv": _of_csv,
    "parquet": _of_parquet,
}
