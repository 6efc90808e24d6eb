"""Some rows of files, as columns of plain values."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from shardline.components.drafter.errors import DraftError
from shardline.components.drafter.found_files import FoundFile
from shardline.components.readers.files import BadInputError, ReadSettings
from shardline.components.readers.files.formats.csv.guessing.dialects import (
    Guess,
    guess_dialect,
)
from shardline.components.readers.files.formats.csv.guessing.encodings import decoded
from shardline.components.readers.files.formats.csv.guessing.layouts import (
    Layout,
    rows_of,
)
from shardline.components.readers.files.heads import head_of
from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.components.readers.files.locations import opened, size_of
from shardline.components.readers.files.sampling import sample
from shardline.components.readers.files.streams import byte_stream

_START_BYTES = 1 << 18
_PIECES = 8  # of a large file, beside its start
MOST_ROWS = 20_000


@dataclasses.dataclass(frozen=True)
class FileSample:
    """Some rows of one file.

    Attributes:
        file: the file.
        columns: the values of each column: text of CSV, else what Parquet or
            tf.Examples hold; None where one is missing.
        rows: how many.
        all_rows: how many the file has, about.
        is_whole: whether these are all.
        guess: how CSV is written; None for other formats.
        dates: the columns that hold dates or times by their type.
        repeated: names that more than one column has.
    """

    file: FoundFile
    columns: Mapping[str, list[Any]]
    rows: int
    all_rows: int
    is_whole: bool
    guess: Guess | None = None
    dates: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()


def sample_of(file: FoundFile) -> FileSample:
    """Returns some rows of a file.

    Args:
        file: the file.

    Raises:
        DraftError: it cannot be read, or is no table.
    """
    try:
        if file.format == "csv":
            return _of_csv(file)
        return _of_typed(file)
    except (FileFault, BadInputError) as error:
        raise DraftError(str(error).removeprefix(f"{file.location}: ")) from error


def _of_csv(file: FoundFile) -> FileSample:
    with byte_stream(file.location) as stream:
        start = stream.read(_START_BYTES)
        is_whole = not stream.read(1)
    guess = guess_dialect(start, is_whole=is_whole)
    if not guess.is_regular:
        raise DraftError(
            f"is no table: {guess.agreement:.0%} of its first rows have "
            f"{len(guess.names):,} cells, as most have"
        )
    rows = list(guess.rows)
    if not rows:
        raise DraftError("has no row below its header")
    all_rows = len(rows)
    if not is_whole:
        size = size_of(file.location)
        all_rows = max(all_rows, round(len(rows) * size / len(start)))
        if not file.location.endswith(".gz"):
            rows += _more_rows(file, guess, size)
    rows = _spread(rows)
    names = guess.names
    missing = {"", *guess.dialect.missing}
    columns = {
        name: [None if row[i].strip() in missing else row[i] for row in rows]
        for i, name in enumerate(names)
    }
    repeated = frozenset(name for name in names if names.count(name) > 1)
    is_all = is_whole and len(rows) == all_rows
    return FileSample(
        file, columns, len(rows), all_rows, is_all, guess, repeated=repeated
    )


def _more_rows(file: FoundFile, guess: Guess, size: int) -> list[tuple[str, ...]]:
    """Returns whole rows from pieces all over a large file, the last of it included."""
    layout = Layout(guess.dialect.delimiter, guess.dialect.quote, guess.dialect.escape)
    width = len(guess.names)
    rows: list[tuple[str, ...]] = []
    with opened(file.location) as source:
        for piece in range(1, _PIECES + 1):
            at = _START_BYTES + (size - 2 * _START_BYTES) * piece // _PIECES
            if size <= 2 * _START_BYTES:
                break
            # Whole characters of UTF-16 and UTF-32 begin at multiples of four.
            source.seek(at - at % 4)
            text = decoded(source.read(_START_BYTES), _plain(guess.dialect.encoding))
            _, _, after = text.partition("\n")
            some = rows_of(after, layout, is_whole=piece == _PIECES)
            rows += [tuple(row) for row in some if len(row) == width]
    return rows


def _plain(encoding: str) -> str:
    """Returns the encoding of a part that has no mark at its start."""
    return f"{encoding}-le" if encoding in ("utf-16", "utf-32") else encoding


def _spread(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    if len(rows) <= MOST_ROWS:
        return rows
    return [rows[i * len(rows) // MOST_ROWS] for i in range(MOST_ROWS)]


def _of_typed(file: FoundFile) -> FileSample:
    settings = ReadSettings(file.format, {})
    head = head_of(file.location, settings)
    if head.fault:
        raise DraftError(head.fault)
    if head.rows == 0:
        raise DraftError("has no row")
    pieces = sample([file.location], settings, MOST_ROWS, head.columns)
    batch = pieces[0].batch
    columns, dates = {}, set()
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        if str(values.type).startswith(("date", "timestamp")):
            dates.add(name)
        try:
            columns[name] = [_plain_value(value) for value in values.to_pylist()]
        except (ValueError, OverflowError):  # a time beyond what Python has
            columns[name] = [str(value) for value in values]
    repeated = frozenset(n for n in head.columns if head.columns.count(n) > 1)
    rows = batch.num_rows
    all_rows = head.rows
    if all_rows is None:
        all_rows = rows if pieces[0].is_whole else max(rows, _rows_by_size(file, rows))
    return FileSample(
        file,
        columns,
        rows,
        all_rows,
        pieces[0].is_whole,
        dates=frozenset(dates),
        repeated=repeated,
    )


def _rows_by_size(file: FoundFile, rows: int) -> int:
    """Returns about how many records a file of which a part was read may have."""
    return max(rows, size_of(file.location) // 100)


def _plain_value(value: Any) -> Any:
    """Returns a value with bytes as text, and a date or time as ISO 8601 has it."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain_value(item) for item in value]
    if isinstance(value, float) and value != value:
        return None
    return value
