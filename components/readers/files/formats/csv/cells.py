"""CSV text to binary cells, by pyarrow's parser; nothing is made of the cells yet."""

from __future__ import annotations

import csv

import pyarrow as pa
import pyarrow.csv as pa_csv

from shardline.components.readers.files.column_names import columns_shown, meant
from shardline.components.readers.files.formats.csv.headers import (
    no_text,
    parted_by,
    unlike,
)
from shardline.components.readers.files.formats.csv.syntax import Syntax
from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.configs.shown import shown

CELL = pa.large_binary()
_NAMED = 5  # columns that are not there once


def header_of(line: bytes, wanted: list[str], syntax: Syntax) -> list[str]:
    """Returns the columns that a header line names, or the dialect.

    Args:
        line: the row of the header, without its line break; empty if it has none.
        wanted: columns that must be there.
        syntax: how the file is written.

    Raises:
        FileFault: one is not there, or twice, or there is no such line.
    """
    if syntax.dialect.header is not None:
        return _given(list(syntax.dialect.header), wanted)
    if not line.strip():
        raise FileFault(
            "its first line is empty, expected a header line. Remove it or write it."
        )
    if said := no_text(line):
        raise FileFault(said)
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise FileFault(
            f"its header line is not UTF-8: {error.reason} at byte {error.start}. "
            "Give `data.files.dialect.encoding`, or write it in UTF-8, gzip only with "
            "`.gz` in the name."
        ) from error
    try:
        (there,) = csv.reader([text], **syntax.python_format)
    except csv.Error as error:
        raise FileFault(
            f"its header line cannot be parsed as CSV: {error}. Write one row a line."
        ) from error
    there = [syntax.original(name.encode()).decode() for name in there]
    if not_once := [name for name in wanted if there.count(name) != 1]:
        is_other = not set(there) & set(wanted)
        delimiter = syntax.dialect.delimiter
        said = unlike(there, text, [], delimiter) if is_other else ""
        raise FileFault(
            said
            or f"its header {_not_once(not_once, there)}Correct {_names(not_once)} in "
            "the configuration, or the file, whose cells are parted by "
            f"{parted_by(delimiter)}."
        )
    return there


def _given(header: list[str], wanted: list[str]) -> list[str]:
    if absent := [name for name in wanted if name not in header]:
        raise FileFault(
            f"`data.files.dialect.header` {_not_once(absent, header)}Correct "
            f"{_names(absent)} there or elsewhere in the configuration."
        )
    return header


def _not_once(names: list[str], there: list[str]) -> str:
    """Says of columns how often a header names them, and which were meant."""
    counted = [f"{there.count(n)} columns `{shown(n)}`" for n in names[:_NAMED]]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    each = "" if len(names) == 1 else " of each"
    return (
        f"names {', '.join(counted)}{more}, expected one{each}; it names "
        f"{columns_shown(there)}. "
        f"{''.join(dict.fromkeys(meant(n, there) for n in names[:_NAMED]))}"
    )


def _names(names: list[str]) -> str:
    return "the name" if len(names) == 1 else "the names"


def parsed(
    text: bytes,
    header: list[str],
    wanted: list[str],
    syntax: Syntax,
    uneven: list[pa_csv.InvalidRow],
    *,
    has_all: bool = False,
) -> pa.Table:
    """Returns rows as binary cells.

    Args:
        text: whole rows.
        header: the names of all columns.
        wanted: the columns to return, each once in the header.
        syntax: how the text is written.
        uneven: gets the rows that have another number of cells; they are left out.
        has_all: whether all columns are returned, in the order of the header; those
            that are not wanted under other names.

    Raises:
        FileFault: the text cannot be parsed.
    """
    # Columns that are not wanted may have any name, and the same one twice.
    names = [n if n in wanted else f"{i} {n}" for i, n in enumerate(header)]
    wanted = names if has_all else wanted
    try:
        text.decode()
    except UnicodeDecodeError:
        # pyarrow cannot tell of an uneven row that is not UTF-8.
        table = _parsed(text.decode("latin-1").encode(), names, wanted, syntax, uneven)
        columns = [
            pa.array([cell.decode().encode("latin-1") for cell in cells], CELL)
            for cells in (column.to_pylist() for column in table.columns)
        ]
    else:
        table = _parsed(text, names, wanted, syntax, uneven)
        if syntax.stand_ins is None:
            return table
        columns = [column.combine_chunks() for column in table.columns]
    return pa.table([syntax.original_cells(cells) for cells in columns], wanted)


def _parsed(
    text: bytes,
    names: list[str],
    wanted: list[str],
    syntax: Syntax,
    uneven: list[pa_csv.InvalidRow],
) -> pa.Table:
    def leave_out(row: pa_csv.InvalidRow) -> str:
        uneven.append(row)
        return "skip"

    try:
        return pa_csv.read_csv(
            pa.BufferReader(text),
            pa_csv.ReadOptions(
                use_threads=False, column_names=names, block_size=len(text) + 1
            ),
            pa_csv.ParseOptions(
                delimiter=syntax.delimiter,
                quote_char=syntax.quote or False,
                newlines_in_values=True,
                invalid_row_handler=leave_out,
            ),
            pa_csv.ConvertOptions(
                check_utf8=False,
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, CELL),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowException as error:
        raise FileFault(f"cannot be parsed as CSV: {error}. Correct it.") from error
