"""CSV text to binary cells, by pyarrow's parser; nothing is made of the cells yet."""

from __future__ import annotations

import csv

import pyarrow as pa
import pyarrow.csv as pa_csv

from shardline.components.readers.files.column_names import columns_shown, meant
from shardline.components.readers.files.formats.csv.headers import no_text, unlike
from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.configs.shown import shown

CELL = pa.large_binary()


def header_of(line: bytes, wanted: list[str]) -> list[str]:
    """Returns the columns that a header line names.

    Args:
        line: the first row of a file, without its line break.
        wanted: columns that must be there.

    Raises:
        FileFault: one is not there, or twice, or there is no such line.
    """
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
            "Write it in UTF-8, gzip only with `.gz` in the name."
        ) from error
    try:
        (there,) = csv.reader([text])
    except csv.Error as error:
        raise FileFault(
            f"its header line cannot be parsed as CSV: {error}. Write one row a line."
        ) from error
    for name in wanted:
        if there.count(name) != 1:
            is_other = not set(there) & set(wanted)
            said = unlike(there, text, []) if is_other else ""
            raise FileFault(said or _not_once(name, there))
    return there


def _not_once(name: str, there: list[str]) -> str:
    return (
        f"its header names {there.count(name)} columns `{shown(name)}`, expected one; "
        f"it names {columns_shown(there)}. {meant(name, there)}Correct the name in the "
        "configuration, or the file, whose cells are parted by commas."
    )


def parsed(
    text: bytes,
    header: list[str],
    wanted: list[str],
    uneven: list[pa_csv.InvalidRow],
    *,
    has_all: bool = False,
) -> pa.Table:
    """Returns rows as binary cells.

    Args:
        text: whole rows.
        header: the names of all columns.
        wanted: the columns to return, each once in the header.
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
        table = _parsed(text.decode("latin-1").encode(), names, wanted, uneven)
        columns = [
            pa.array([cell.decode().encode("latin-1") for cell in cells], CELL)
            for cells in (column.to_pylist() for column in table.columns)
        ]
        return pa.Table.from_arrays(columns, table.column_names)
    return _parsed(text, names, wanted, uneven)


def _parsed(
    text: bytes, names: list[str], wanted: list[str], uneven: list[pa_csv.InvalidRow]
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
            pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=leave_out),
            pa_csv.ConvertOptions(
                check_utf8=False,
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, CELL),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowException as error:
        raise FileFault(f"cannot be parsed as CSV: {error}. Correct it.") from error
