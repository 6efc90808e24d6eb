"""First lines that are no header of CSV: other separators, or rows of data."""

from __future__ import annotations

import re
from collections.abc import Sequence

from configs.shown import quoted

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


def unlike(there: Sequence[str], text: str, rows: Sequence[Sequence[str]]) -> str:
    """Says why a line is no header of CSV, and what to do; nothing if it may be one.

    Args:
        there: The names that it gives.
        text: The line.
        rows: The cells of some lines below it.
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
