"""Whole rows as text, which splits that name no column are drawn by.

A row is all of its columns that have a value, sorted by name: each its name, the byte
1f and its text, with the byte 1e between two columns. What features read of the row,
and the order of columns and rows, change nothing. The text of a value is that of
`value_texts`, so a row is the same in every format that writes its values so.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.readers.files.columns.lists import Lists, listed
from shardline.components.readers.files.columns.value_texts import value_texts

_TEXT = pa.large_binary()
_NO_TEXT = pa.scalar(b"", _TEXT)
_AFTER_NAME = pa.scalar(b"\x1f", _TEXT)
_BETWEEN_COLUMNS = pa.scalar(b"\x1e", _TEXT)
_BETWEEN_VALUES = pa.scalar(b"|", _TEXT)


def row_texts(names: Sequence[str], columns: Sequence[pa.Array], rows: int) -> pa.Array:
    """Returns each row of a file as text.

    Args:
        names: of all columns of the file, in any order.
        columns: what they hold, of any type.
        rows: how many there are.

    Returns:
        Large binary [rows].
    """
    if not columns:
        return pa.array([b""] * rows, _TEXT)
    by_name = sorted(zip(names, columns, strict=True), key=lambda column: column[0])
    pieces = [
        pc.binary_join_element_wise(pa.scalar(name.encode(), _TEXT), texts, _AFTER_NAME)
        for name, texts in ((name, _column_texts(column)) for name, column in by_name)
    ]
    # Arrow joins nothing to no row at all, which would shift the rows that follow.
    is_empty = functools.reduce(pc.and_, map(pc.is_null, pieces))
    pieces[-1] = pc.if_else(is_empty, _NO_TEXT, pieces[-1])
    return pc.binary_join_element_wise(*pieces, _BETWEEN_COLUMNS, null_handling="skip")


def _column_texts(column: pa.Array) -> pa.Array:
    """Returns the text of what each row has in a column; null if it has nothing."""
    lists = listed(column)
    texts = _one_a_row(lists._replace(values=value_texts(lists.values)))
    return pc.if_else(
        pc.greater(pc.binary_length(texts), 0), texts, pa.scalar(None, _TEXT)
    )


def _one_a_row(lists: Lists) -> pa.Array:
    if (lists.lengths == 1).all():
        return lists.values
    of_rows = pa.LargeListArray.from_arrays(pa.array(lists.offsets), lists.values)
    return pc.binary_join(of_rows, _BETWEEN_VALUES)
