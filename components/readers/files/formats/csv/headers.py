"""First lines that are no header of CSV: other separators, or rows of data."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence

from shardline.components.readers.files.formats.csv.syntax import Syntax
from shardline.configs.dialect import NO_QUOTE, Dialect
from shardline.configs.shown import quoted

# What parts cells, and its name in messages.
_DELIMITERS = {
    "\t": "tabs",
    ";": "semicolons",
    ",": "commas",
    "|": "`|`",
    "::": "`::`",
    "\x01": "bytes \\x01",
    " ": "blanks",
}
_NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*")
_SHOWN = 60  # characters of a line


# How files of other kinds start: the bytes, what they are, and what to do.
_STARTS = (
    (b"PAR1", "a Parquet file", "Set `data.files.format: parquet`."),
    (b"\x1f\x8b", "a gzip", "Name it with `.gz` at the end."),
    (b"PK\x03\x04", "a zip archive", "Give it as `data.path`, or take its files out."),
    (b"\xff\xfe", "text in UTF-16", "Give `data.files.dialect: {encoding: utf-16}`."),
    (b"\xfe\xff", "text in UTF-16", "Give `data.files.dialect: {encoding: utf-16}`."),
)


def no_text(line: bytes) -> str:
    """Says what a file is that starts with a line that no CSV has, or nothing."""
    for start, kind, remedy in _STARTS:
        if line.startswith(start):
            return f"is {kind}, expected CSV. {remedy}"
    if b"\0" in line:
        return (
            "is no text, for its first line holds a zero byte. Correct "
            "`data.files.format` or `data.files.dialect.encoding`, or write CSV."
        )
    return ""


def repeated(line: bytes, syntax: Syntax) -> str:
    """Says that a row is the header that the dialect gives, too, or nothing."""
    try:
        (cells,) = csv.reader([line.decode()], **syntax.python_format)
    except (UnicodeDecodeError, csv.Error, ValueError):
        return ""
    names = tuple(syntax.original(cell.encode()).decode() for cell in cells)
    if names != syntax.dialect.header:
        return ""
    return (
        "its first line names the columns that `data.files.dialect.header` gives, and "
        "would be a row. Leave out that key."
    )


def parted_by(delimiter: str) -> str:
    """Returns what is between cells, in words."""
    return _DELIMITERS.get(delimiter) or quoted(delimiter)


def unlike(
    there: Sequence[str], text: str, rows: Sequence[Sequence[str]], delimiter: str
) -> str:
    """Says why a line is no header of CSV, and what to do; nothing if it may be one.

    Args:
        there: the names that it gives.
        text: the line.
        rows: the cells of some lines below it.
        delimiter: what parts cells, as the configuration says.
    """
    if len(there) == 1:
        for other in _DELIMITERS:
            if other in text and other != delimiter:
                return _other_delimiter(text, other, delimiter)
    cells = [name for name in there if _NUMBER.fullmatch(name)]
    if not cells:
        known = [{row[i] for row in rows if i < len(row)} for i in range(len(there))]
        cells = [name for name, seen in zip(there, known, strict=True) if name in seen]
        if 2 * len(cells) < len(there):
            return ""
    return (
        f"has no header: its first line holds {', '.join(map(quoted, cells[:3]))}"
        f"{' ...' if len(cells) > 3 else ''}, as rows of data do. Name all columns in "
        "their order by `data.files.dialect.header`, or by a line above it."
    )


def _other_delimiter(text: str, other: str, delimiter: str) -> str:
    return (
        f"the header is one cell with {parted_by(other)} in it, "
        f"{quoted(text, _SHOWN)}; cells are parted by {parted_by(delimiter)} here. "
        f"Give `data.files.dialect: {{delimiter: {json.dumps(other)}}}`."
    )


def even_rows(dialect: Dialect) -> str:
    """Says what to do about rows with more or fewer cells than the header."""
    between = parted_by(dialect.delimiter)
    if dialect.quote == NO_QUOTE and dialect.escape is None:
        return f"Write as many as the header has, with {between} between them alone."
    if dialect.quote == NO_QUOTE:
        marked = f"{quoted(dialect.escape)} before"
    else:
        marked = "quotes around"
    one = "a comma" if dialect.delimiter == "," else quoted(dialect.delimiter)
    return f"Write as many as the header has, with {marked} {one} in a cell."
