"""The dialect of a CSV file, guessed from its first bytes.

A guess is never an error: any bytes have some layout under which they are most regular.
How regular they are is told beside it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

from shardline.components.readers.files.formats.csv.guessing.cell_kinds import (
    ALL_MARKS,
    MISSING,
    SURELY_MISSING,
    Marks,
    is_number,
)
from shardline.components.readers.files.formats.csv.guessing.encodings import (
    Encoding,
    decoded,
    guess_encoding,
)
from shardline.components.readers.files.formats.csv.guessing.first_lines import (
    has_header,
)
from shardline.components.readers.files.formats.csv.guessing.layouts import (
    Cells,
    best_layout,
)
from shardline.configs.dialect import Dialect

_MOST = 0.9  # of a column's cells that are numbers, for others to be words for missing
_ENOUGH = 0.8  # of the rows, with as many cells as most have


@dataclasses.dataclass(frozen=True)
class Guess:
    """A dialect, and what speaks for it.

    Attributes:
        dialect: how the file is written; `header` has made-up names if no line has any.
        encoding: the encoding, and whether it could be another.
        names: the names of the columns.
        rows: the cells of the first rows below the header that have as many as it.
        agreement: the share of rows that have as many cells as most.
        missing: how often each word for a missing value was found.
    """

    dialect: Dialect
    encoding: Encoding
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    agreement: float
    missing: Mapping[str, int]

    @property
    def is_regular(self) -> bool:
        """Whether rows are alike enough for the file to be CSV at all."""
        is_text = not any("\0" in cell for row in self.rows for cell in row)
        return bool(self.names) and is_text and self.agreement >= _ENOUGH


def guess_dialect(data: bytes, *, is_whole: bool) -> Guess:
    """Returns the dialect that the start of a file is most likely written in.

    Args:
        data: the first bytes, any gzip undone.
        is_whole: whether the file has no more.
    """
    encoding = guess_encoding(data)
    cells = best_layout(decoded(data, encoding.name), is_whole=is_whole)
    rows = [tuple(row) for row in cells.rows if len(row) == cells.width]
    is_named = bool(rows) and has_header(rows)
    names = rows[0] if is_named else made_up_names(cells.width)
    below = tuple(rows[1:] if is_named else rows)
    columns = list(zip(*below, strict=True))
    marks = _marks(columns)
    missing = missing_words(columns, marks)
    dialect = _dialect(cells, encoding.name, marks, missing)
    if not is_named and names:
        dialect = dialect.model_copy(update={"header": names})
    return Guess(dialect, encoding, names, below, cells.agreement, missing)


def made_up_names(width: int) -> tuple[str, ...]:
    """Returns names for columns that no line names."""
    return tuple(f"column_{i}" for i in range(1, width + 1))


def differences(dialect: Dialect) -> dict[str, object]:
    """Returns the keys of a dialect that are not the default, as YAML has them."""
    default = Dialect()
    return {
        key: value
        for key in Dialect.model_fields
        if (value := getattr(dialect, key)) != getattr(default, key)
    }


def _dialect(
    cells: Cells, encoding: str, marks: Marks, missing: Mapping[str, int]
) -> Dialect:
    delimiter, quote, escape = cells.layout
    return Dialect(
        delimiter=delimiter,
        quote=quote,
        escape=escape,
        encoding=encoding,
        missing=tuple(missing),
        decimal=marks.decimal,
        thousands=marks.thousands,
    )


def _marks(columns: Sequence[Sequence[str]]) -> Marks:
    """Returns how the numbers of most columns are written."""
    cells = [
        [cell for cell in column if cell.strip() and cell not in MISSING]
        for column in columns
    ]
    # Of those that as many columns are written in, the first.
    return max(ALL_MARKS, key=lambda marks: sum(_are(some, marks) for some in cells))


def _are(cells: Sequence[str], marks: Marks) -> bool:
    numbers = sum(is_number(cell, marks) for cell in cells)
    return bool(cells) and numbers >= _MOST * len(cells)


def missing_words(columns: Sequence[Sequence[str]], marks: Marks) -> dict[str, int]:
    """Returns the words that stand for a missing value, and how often each does.

    Args:
        columns: the cells of each column.
        marks: how numbers are written.
    """
    words: Counter[str] = Counter()
    for column in columns:
        counts = Counter(column)
        suspects = {word: n for word, n in counts.items() if word.strip() in MISSING}
        others = len(column) - sum(suspects.values()) - counts.get("", 0)
        numbers = sum(n for cell, n in counts.items() if is_number(cell, marks))
        are_numbers = others and numbers >= _MOST * others
        for word, count in suspects.items():
            if are_numbers or word.strip() in SURELY_MISSING:
                words[word.strip()] += count
    return dict(words.most_common())
