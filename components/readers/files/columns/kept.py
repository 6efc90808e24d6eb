"""Columns that are given on as a file has them: ids, times and the like of a row.

A kept column is a `large_list` with one value or none in each row. Text is checked to
be UTF-8; other values keep their type, but of tf.Examples, each of which has a type of
its own, they become text.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from shardline.components.readers.files.columns.canonical import canonical, fits
from shardline.components.readers.files.columns.lists import Lists
from shardline.components.readers.files.columns.value_texts import value_texts
from shardline.components.readers.files.judging.bad_input import RowFaults
from shardline.configs.column import Column
from shardline.configs.shown import shown

_TEXT = Column("string", optional=True)


def kept_column(
    name: str, lists: Lists, faults: RowFaults, *, is_text: bool, as_text: bool = False
) -> pa.Array:
    """Returns the values of a column, and marks rows that have several.

    Args:
        name: the column.
        lists: its values, as the file has them.
        faults: where rows are marked.
        is_text: whether everything is text, as in CSV.
        as_text: whether numbers become text, written as `value_texts` does.

    Returns:
        `large_list` of `large_binary` for text, else of the type that the file has; the
        lists of marked rows may be longer.
    """
    if as_text and not pa.types.is_null(lists.values.type):
        lists = lists._replace(values=value_texts(lists.values))
    stored = lists.values.type
    if is_text or pa.types.is_null(stored) or fits(stored, _TEXT.dtype):
        return canonical(name, lists, _TEXT, faults, is_text=is_text)[1]
    lengths = lists.lengths
    faults.mark(
        np.flatnonzero(lengths > 1),
        f"column `{shown(name)}` holds several values where one is to be kept",
        lambda row: f"it holds {lengths[row]:,}",
        "Write one, or keep other columns.",
    )
    return pa.LargeListArray.from_arrays(pa.array(lists.offsets), lists.values)
