"""Values of rows in one flat array, whatever lists and types they come in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from shardline.configs.shown import quoted

_SHOWN = 60  # characters of a value


class Lists(NamedTuple):
    """Values of rows: row i has values[offsets[i]:offsets[i + 1]]."""

    offsets: np.ndarray  # int64 [rows + 1]
    values: pa.Array
    holed: np.ndarray  # bool [rows]: a null stands among the values

    @property
    def lengths(self) -> np.ndarray:
        """How many values each row has, int64 [rows]."""
        return np.diff(self.offsets)

    def row_of(self, positions: np.ndarray) -> np.ndarray:
        """Returns the rows that values are of, by their positions among all values."""
        return np.searchsorted(self.offsets, positions, side="right") - 1

    def shown(self, row: int) -> str:
        """Shows the first value of a row, for messages."""
        return quoted(self.values[int(self.offsets[row])].as_py(), _SHOWN)


def listed(array: pa.Array) -> Lists:
    """Returns the values of any array without nulls, lists of lists concatenated."""
    if isinstance(array.type, pa.BaseExtensionType):
        return listed(array.storage)
    if kinds.is_dictionary(array.type):
        return listed(array.dictionary_decode())
    if not is_list(array.type):
        is_there = np.asarray(pc.is_valid(array))
        return Lists(
            offsets_of(is_there), array.drop_null(), np.zeros(len(array), bool)
        )
    offsets = offsets_of(np.asarray(pc.fill_null(pc.list_value_length(array), 0)))
    inner = array.flatten()
    values = listed(inner)
    lengths = np.diff(offsets)
    flat = values.offsets[offsets]
    if is_list(inner.type):
        holed = any_of(values.holed, offsets)
    else:
        holed = np.diff(flat) < lengths
    return Lists(flat, values.values, holed)


def joined(parts: Sequence[Lists]) -> Lists:
    """Returns the rows of several, one after another, their values of one type."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(lists.values) for lists in parts[:-1])])
    offsets = [
        lists.offsets[1:] + start for lists, start in zip(parts, starts, strict=True)
    ]
    return Lists(
        np.concatenate([[0], *offsets]),
        pa.concat_arrays([lists.values for lists in parts]),
        np.concatenate([lists.holed for lists in parts]),
    )


def is_list(stored: pa.DataType) -> bool:
    """Tells whether an Arrow type is one of lists."""
    return bool(
        kinds.is_list(stored)
        or kinds.is_large_list(stored)
        or kinds.is_fixed_size_list(stored)
    )


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """Returns where rows of such lengths begin and end: int64 [rows + 1]."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def any_of(flags: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Tells for each row whether one of its flags is set."""
    counts = np.concatenate([[0], np.cumsum(flags)])
    found: np.ndarray = np.diff(counts[offsets]) > 0
    return found
