"""First lines that are no header of CSV: other separators, or rows of data."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shardline.configs.shown import quoted

# What parts cells elsewhere, and its name in messages.
_SEPARATORS = (
    ("\t", "tabs"),
    (";", "semicolons"),
    ("|", "`|`"),
    ("::", "`::`"),
    ("\x01", "bytes \\x01"),
    (" ", "blanks"),
)
_NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*")
_SHOWN = 60  # characters of a line


# How files of other kinds start: the bytes, what they are, and what to do.
_STARTS = (
    (b"PAR1", "a Parquet file", "Set `data.files.format: parquet`."),
    (b"\x1f\x8b", "a gzip", "Name it with `.gz` at the end."),
    (b"PK\x03\x04", "a zip archive", "Give it as `data.path`, or take its files out."),
    (b"\xff\xfe", "text in UTF-16", "Write it in UTF-8."),
    (b"\xfe\xff", "text in UTF-16", "Write it in UTF-8."),
)


def no_text(line: bytes) -> str:
    """Says what a file is that starts with a line that no CSV has, or nothing."""
    for start, kind, remedy in _STARTS:
        if line.startswith(start):
            return f"is {kind}, expected CSV. {remedy}"
    if b"\0" in line:
        return (
            "is no text, for its first line holds a zero byte. Correct "
            "`data.files.format`, or write CSV in UTF-8."
        )
    return ""


def unlike(there: Sequence[str], text: str, rows: Sequence[Sequence[str]]) -> str:
    """Says why a line is no header of CSV, and what to do; nothing if it may be one.

    Args:
        there: the names that it gives.
        text: the line.
        rows: the cells of some lines below it.
    """
    if len(there) == 1:
        for separator, words in _SEPARATORS:
            if separator in text:
                return _other_separator(text, separator, words)
    cells = [name for name in there if _NUMBER.fullmatch(name)]
    if not cells:
        known = [{row[i] for row in rows if i < len(row)} for i in range(len(there))]
        cells = [name for name, seen in zip(there, known, strict=True) if name in seen]
        if 2 * len(cells) < len(there):
            return ""
    return (
        f"has no header: its first line holds {', '.join(map(quoted, cells[:3]))}"
        f"{' ...' if len(cells) > 3 else ''}, as rows of data do. Write a line above "
        "it that names all columns in their order, with commas between them."
    )


def _other_separator(text: str, separator: str, words: str) -> str:
    if len(separator) == 1:
        rows = f"csv.reader(sys.stdin, delimiter={separator!r})"
    else:
        rows = f"(line.rstrip().split({separator!r}) for line in sys.stdin)"
    return (
        f"the header is one cell with {words} in it, {quoted(text, _SHOWN)}; cells are "
        'parted by commas here. Write it with commas: `python -c "import csv, sys; '
        f'csv.writer(sys.stdout).writerows({rows})" < FILE > NEW_FILE`.'
    )
