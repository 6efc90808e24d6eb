"""Raw columns to canonical ones, with every row checked.

A canonical column is a `large_list` of `large_binary`, `int64` or `float32` without
nulls at either level; an empty list is a missing value. Lists of lists are
concatenated. What a column's type can never give is a fault of the file; what a value
cannot give is a fault of its row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from components.files.bad_input import FileFault, RowFaults
from components.files.remedies import FOR_ANY, Remedies, rewritten, short
from configs.column import Column, Dtype
from configs.shown import quoted, shown

VALUE_TYPES: dict[Dtype, pa.DataType] = {
    "string": pa.large_binary(),
    "int64": pa.int64(),
    "float": pa.float32(),
}
_SHOWN = 60  # characters


class Lists(NamedTuple):
    """Values of rows: row i has values[offsets[i]:offsets[i + 1]]."""

    offsets: np.ndarray  # int64 [rows + 1]
    values: pa.Array
    holed: np.ndarray  # bool [rows]: a null stands among the values

    @property
    def lengths(self) -> np.ndarray:
        """How many values each row has, int64 [rows]."""
        return np.diff(self.offsets)

    def row_of(self, places: np.ndarray) -> np.ndarray:
        """Returns the rows that values are of, by their places among all values."""
        return np.searchsorted(self.offsets, places, side="right") - 1

    def shown(self, row: int) -> str:
        """Shows the first value of a row, for messages."""
        return quoted(self.values[int(self.offsets[row])].as_py(), _SHOWN)


def listed(array: pa.Array) -> Lists:
    """Returns the values of any array without nulls, lists of lists concatenated."""
    if isinstance(array.type, pa.BaseExtensionType):
        return listed(array.storage)
    if kinds.is_dictionary(array.type):
        return listed(array.dictionary_decode())
    if not _is_list(array.type):
        is_there = np.asarray(pc.is_valid(array))
        return Lists(_offsets(is_there), array.drop_null(), np.zeros(len(array), bool))
    offsets = _offsets(np.asarray(pc.fill_null(pc.list_value_length(array), 0)))
    inner = array.flatten()
    values = listed(inner)
    lengths = np.diff(offsets)
    flat = values.offsets[offsets]
    if _is_list(inner.type):
        holed = _any_of(values.holed, offsets)
    else:
        holed = np.diff(flat) < lengths
    return Lists(flat, values.values, holed)


def canonical(
    name: str,
    lists: Lists,
    column: Column,
    faults: RowFaults,
    *,
    is_text: bool = False,
    remedies: Remedies = FOR_ANY,
) -> tuple[Lists, pa.Array]:
    """Makes a column what the specification says, and marks rows it cannot be made of.

    Args:
        name: Of the column.
        lists: Its values.
        column: What it must hold.
        faults: Where bad rows are marked.
        is_text: Whether numbers are still text.
        remedies: What to do about bad rows.

    Returns:
        The values as they must be, those of bad rows arbitrary; and as an array.

    Raises:
        FileFault: The column's type does not fit.
    """
    name = shown(name)
    values, bad = _typed(name, lists.values, column, is_text)
    faults.mark(
        lists.row_of(bad),
        f"column `{name}` does not hold {_wanted(column)}",
        lambda row: _first_bad(lists, bad, row),
        remedies.of_type(column.dtype),
    )
    typed = Lists(lists.offsets, values, lists.holed)
    _check_lengths(name, typed, column, faults, remedies)
    if column.dtype == "float":
        _check_finite(name, typed, column, faults, remedies)
    arrays = pa.LargeListArray.from_arrays(pa.array(typed.offsets), values)
    return typed, arrays


def misfits(
    name: str, values: pa.Array, column: Column, *, is_text: bool
) -> np.ndarray:
    """Returns the places of the values that are not of a column's type, int64 [any].

    Args:
        name: Of the column.
        values: As `listed` gives them.
        column: What it must hold.
        is_text: Whether numbers are still text.
    """
    if not is_text and not _is_null_or_fits(values.type, column.dtype):
        return np.arange(len(values))
    return _typed(name, values, column, is_text)[1]


def _is_null_or_fits(stored: pa.DataType, dtype: Dtype) -> bool:
    return kinds.is_null(stored) or fits(stored, dtype)


def _wanted(column: Column) -> str:
    if column.dtype == "string":
        return "strings in UTF-8"
    return f"{column.dtype} values" if column.ragged else str(column)


def _first_bad(lists: Lists, bad: np.ndarray, row: int) -> str:
    place = int(bad[np.searchsorted(bad, lists.offsets[row])])
    return f"it holds {Lists(np.array([place]), *lists[1:]).shown(0)}"


def _check_lengths(
    name: str, lists: Lists, column: Column, faults: RowFaults, remedies: Remedies
) -> None:
    lengths = lists.lengths
    faults.mark(
        np.flatnonzero(lists.holed),
        f"column `{name}` has a missing value among others",
        lambda row: f"a list of {lengths[row]:,} values and a null",
        "Leave it out of the list.",
    )
    if column.ragged:
        return
    faults.mark(
        np.flatnonzero(lengths > 1),
        f"column `{name}` holds several values where {column} is expected",
        lambda row: f"it holds {lengths[row]:,}",
        remedies.several,
    )
    if column.optional:
        return
    faults.mark(
        np.flatnonzero(lengths == 0),
        f"column `{name}` has no value",
        lambda _: f"{column} is expected",
        remedies.missing,
    )


def _check_finite(
    name: str, lists: Lists, column: Column, faults: RowFaults, remedies: Remedies
) -> None:
    """Marks infinite numbers, and NaN where it is not what is missing."""
    values = lists.values.to_numpy(zero_copy_only=False)
    faults.mark(
        lists.row_of(np.flatnonzero(np.isinf(values))),
        f"column `{name}` holds an infinite number",
        lambda row: f"it holds {lists.shown(row)}",
        "Write numbers that float32 can hold.",
    )
    if column.optional:
        return
    faults.mark(
        lists.row_of(np.flatnonzero(np.isnan(values))),
        f"column `{name}` has no number",
        lambda _: "it holds NaN",
        "Leave it out of the list." if column.ragged else remedies.missing,
    )


def _typed(
    name: str, values: pa.Array, column: Column, is_text: bool
) -> tuple[pa.Array, np.ndarray]:
    """Returns values in the type they must have, and the places of those that cannot.

    Raises:
        FileFault: No value of the column's type can.
    """
    wanted = VALUE_TYPES[column.dtype]
    if kinds.is_null(values.type):
        return values.cast(wanted), np.empty(0, np.int64)
    if not is_text and not fits(values.type, column.dtype):
        raise FileFault(
            f"its column `{name}` holds values of type {short(values.type)}, expected "
            f"{column.dtype}. {rewritten(values.type, column.dtype)}"
        )
    if column.dtype == "string":
        return _converted(values, _utf8, wanted)
    if is_text:
        return _converted(
            values, lambda part: part.cast(pa.large_string()).cast(wanted), wanted
        )
    is_float = column.dtype == "float"  # float32 has not the digits of int64
    return _converted(
        values, lambda part: _number(part, wanted, is_safe=not is_float), wanted
    )


def fits(stored: pa.DataType, dtype: Dtype) -> bool:
    """Tells whether values of an Arrow type, as `listed` gives, fit a column."""
    is_whole = kinds.is_integer(stored) or kinds.is_boolean(stored)
    if dtype == "int64":
        return is_whole
    if dtype == "float":
        return is_whole or kinds.is_floating(stored) or kinds.is_decimal(stored)
    return (
        kinds.is_string(stored)
        or kinds.is_large_string(stored)
        or kinds.is_binary(stored)
        or kinds.is_large_binary(stored)
    )


def _utf8(values: pa.Array) -> pa.Array:
    binary = values.cast(pa.large_binary())
    binary.cast(pa.large_string())  # raises if it is not UTF-8
    return binary


def _number(values: pa.Array, wanted: pa.DataType, *, is_safe: bool) -> pa.Array:
    if kinds.is_decimal(values.type):
        values = values.cast(pa.float64())
    return values.cast(wanted, safe=is_safe)


def _converted(
    values: pa.Array, convert: Callable[[pa.Array], pa.Array], wanted: pa.DataType
) -> tuple[pa.Array, np.ndarray]:
    """Converts values; finds those that do not convert by halving.

    Args:
        values: What to convert.
        convert: Converts an array, or raises ArrowInvalid if any value does not.
        wanted: What it converts to.

    Returns:
        The converted values, anything for those that do not; places of these.
    """
    try:
        return convert(values), np.empty(0, np.int64)
    except pa.ArrowInvalid:
        if len(values) == 1:
            stand_in = b"" if wanted == pa.large_binary() else 0
            return pa.array([stand_in], wanted), np.zeros(1, np.int64)
        half = len(values) // 2
        left, bad_left = _converted(values[:half], convert, wanted)
        right, bad_right = _converted(values[half:], convert, wanted)
        together = pa.concat_arrays([left, right])
        return together, np.concatenate([bad_left, bad_right + half])


def _is_list(stored: pa.DataType) -> bool:
    return (
        kinds.is_list(stored)
        or kinds.is_large_list(stored)
        or kinds.is_fixed_size_list(stored)
    )


def _offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _any_of(flags: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Tells for each row whether one of its flags is set."""
    counts = np.concatenate([[0], np.cumsum(flags)])
    return np.diff(counts[offsets]) > 0
