"""Raw columns to canonical ones, with every row checked.

A canonical column is a `large_list` of `large_binary`, `int64` or `float32` without
nulls at either level; an empty list is a missing value. Lists of lists are
concatenated. What a column's type can never give is a fault of the file; what a value
cannot give is a fault of its row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.types as kinds

from shardline.components.readers.files.columns.lists import Lists, any_of, offsets_of
from shardline.components.readers.files.columns.whole_numbers import (
    GOOD,
    INEXACT,
    LARGE,
    MISSING,
    OTHER,
    as_digits,
    fault_of,
    whole_numbers,
)
from shardline.components.readers.files.judging.bad_input import FileFault, RowFaults
from shardline.components.readers.files.judging.remedies import (
    FOR_ANY,
    Remedies,
    rewritten,
    short,
)
from shardline.configs.column import Column, Dtype
from shardline.configs.shown import shown

VALUE_TYPES: dict[Dtype, pa.DataType] = {
    "string": pa.large_binary(),
    "int64": pa.int64(),
    "float": pa.float32(),
}


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
        name: the name of the column.
        lists: its values.
        column: what it must hold.
        faults: where bad rows are marked.
        is_text: whether numbers are still text.
        remedies: what to do about bad rows.

    Returns:
        The values as they must be, those of bad rows arbitrary; and as an array.

    Raises:
        FileFault: the column's type does not fit.
    """
    name = shown(name)
    _check_fits(name, lists.values.type, column, remedies, is_text=is_text)
    if column.dtype == "int64":
        typed = _whole(name, lists, column, faults, remedies, is_text=is_text)
    else:
        values, bad = _typed(lists.values, column, is_text=is_text)
        faults.mark(
            lists.row_of(bad),
            not_held(name, column),
            lambda row: _first_bad(lists, bad, row),
            remedies.of_type(column.dtype),
        )
        typed = Lists(lists.offsets, values, lists.holed)
    _check_lengths(name, typed, column, faults, remedies)
    if column.dtype == "float":
        _check_finite(name, typed, lists, column, faults, remedies)
    arrays = pa.LargeListArray.from_arrays(pa.array(typed.offsets), typed.values)
    return typed, arrays


def misfits(values: pa.Array, column: Column, *, is_text: bool) -> np.ndarray:
    """Returns the positions of the values that are not of a column's type, int64 [any].

    Args:
        values: as `listed` gives them.
        column: what it must hold.
        is_text: whether numbers are still text.
    """
    if not (is_text or _is_null_or_fits(values.type, column.dtype)):
        return np.arange(len(values))
    if column.dtype == "int64" and not kinds.is_null(values.type):
        _, codes = whole_numbers(values, is_text=is_text)
        return np.flatnonzero((codes != GOOD) & (codes != MISSING))
    return _typed(values, column, is_text=is_text)[1]


def _is_null_or_fits(stored: pa.DataType, dtype: Dtype) -> bool:
    return kinds.is_null(stored) or fits(stored, dtype)


def _check_fits(
    name: str,
    stored: pa.DataType,
    column: Column,
    remedies: Remedies,
    *,
    is_text: bool,
) -> None:
    if not (is_text or _is_null_or_fits(stored, column.dtype)):
        other = remedies.other if fits(stored, "string") else ""
        raise FileFault(
            f"its column `{name}` holds values of type {short(stored)}, expected "
            f"{column.dtype}. {other or rewritten(stored, column.dtype)}"
        )


def no_value(name: str) -> str:
    """Returns the reason for which rows without a value are bad.

    Args:
        name: the name of the column, as it is shown.
    """
    return f"column `{name}` has no value"


def not_held(name: str, column: Column) -> str:
    """Returns the reason for which rows with a value of another type are bad.

    Args:
        name: the name of the column, as it is shown.
        column: what it must hold.
    """
    if column.dtype == "string":
        return f"column `{name}` does not hold strings in UTF-8"
    wanted = f"{column.dtype} values" if column.ragged else column
    return f"column `{name}` does not hold {wanted}"


def _first_bad(lists: Lists, bad: np.ndarray, row: int) -> str:
    position = int(bad[np.searchsorted(bad, lists.offsets[row])])
    return f"it holds {Lists(np.array([position]), *lists[1:]).shown(0)}"


def _check_lengths(
    name: str, lists: Lists, column: Column, faults: RowFaults, remedies: Remedies
) -> None:
    lengths = lists.lengths
    faults.mark(
        np.flatnonzero(lists.holed),
        f"column `{name}` has a missing value among others",
        lambda row: f"a list of {lengths[row]:,} values and a null or NaN",
        remedies.hole,
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
        no_value(name),
        lambda _: f"{column} is expected",
        remedies.missing,
    )


def _check_finite(
    name: str,
    lists: Lists,
    stored: Lists,
    column: Column,
    faults: RowFaults,
    remedies: Remedies,
) -> None:
    """Marks infinite numbers, and NaN where it is not what is missing."""
    values = lists.values.to_numpy(zero_copy_only=False)
    infinite = np.flatnonzero(np.isinf(values))
    faults.mark(
        lists.row_of(infinite),
        f"column `{name}` holds an infinite number",
        lambda row: _first_bad(stored, infinite, row),
        "Write numbers that float32 can hold.",
    )
    if column.optional:
        return
    faults.mark(
        lists.row_of(np.flatnonzero(np.isnan(values))),
        f"column `{name}` has no number",
        lambda _: "it holds NaN",
        remedies.hole if column.ragged else remedies.missing,
    )


def _whole(
    name: str,
    lists: Lists,
    column: Column,
    faults: RowFaults,
    remedies: Remedies,
    *,
    is_text: bool,
) -> Lists:
    """Returns lists of int64, NaN left out, and marks rows with other values."""
    if kinds.is_null(lists.values.type):
        return lists._replace(values=lists.values.cast(pa.int64()))
    values, codes = whole_numbers(lists.values, is_text=is_text)
    for code in (OTHER, INEXACT, LARGE):
        bad = np.flatnonzero(codes == code)
        fault = fault_of(code, lists.values.type, is_text=is_text)
        faults.mark(
            lists.row_of(bad),
            not_held(name, column),
            partial(_said_bad, lists, bad, fault.why),
            remedies.other or fault.remedy,
        )
    is_missing = codes == MISSING
    if not is_missing.any():
        return lists._replace(values=values)
    holed = any_of(is_missing, lists.offsets) & (lists.lengths > 1)
    offsets = offsets_of(~is_missing)[lists.offsets]
    left = values.filter(pa.array(~is_missing))
    return Lists(offsets, left, lists.holed | holed)


def _said_bad(lists: Lists, bad: np.ndarray, why: str, row: int) -> str:
    return _first_bad(lists, bad, row) + why


def _typed(
    values: pa.Array, column: Column, *, is_text: bool
) -> tuple[pa.Array, np.ndarray]:
    """Returns strings or floats, and the positions of values that are none."""
    wanted = VALUE_TYPES[column.dtype]
    if kinds.is_null(values.type):
        return values.cast(wanted), np.empty(0, np.int64)
    if column.dtype == "string":
        return _converted(values, _utf8, wanted)
    if is_text:
        return _converted(
            values, lambda part: part.cast(pa.large_string()).cast(wanted), wanted
        )
    if kinds.is_decimal(values.type):
        values = values.cast(pa.float64())
    # Not safe: float32 has not the digits of int64.
    return values.cast(wanted, safe=False), np.empty(0, np.int64)


def fits(stored: pa.DataType, dtype: Dtype) -> bool:
    """Tells whether values of an Arrow type, as `listed` gives, fit a column."""
    if dtype in ("int64", "float"):
        return bool(
            kinds.is_integer(stored)
            or kinds.is_boolean(stored)
            or kinds.is_floating(stored)
            or kinds.is_decimal(stored)
        )
    return (
        kinds.is_string(stored)
        or kinds.is_large_string(stored)
        or kinds.is_binary(stored)
        or kinds.is_large_binary(stored)
        or as_digits(stored)
    )


def _utf8(values: pa.Array) -> pa.Array:
    if as_digits(values.type):
        return values.cast(pa.large_string()).cast(pa.large_binary())
    binary = values.cast(pa.large_binary())
    binary.cast(pa.large_string())  # raises if it is not UTF-8
    return binary


def _converted(
    values: pa.Array, convert: Callable[[pa.Array], pa.Array], wanted: pa.DataType
) -> tuple[pa.Array, np.ndarray]:
    """Converts values; finds those that do not convert by halving.

    Args:
        values: what to convert.
        convert: converts an array, or raises ArrowInvalid if any value does not.
        wanted: what it converts to.

    Returns:
        The converted values, anything for those that do not; positions of these.
    """
    try:
        return convert(values), np.empty(0, np.int64)
    except pa.ArrowInvalid:
        if len(values) == 1:
            stand_in = b"" if wanted == pa.large_binary() else 0.0
            return pa.array([stand_in], wanted), np.zeros(1, np.int64)
        half = len(values) // 2
        left, bad_left = _converted(values[:half], convert, wanted)
        right, bad_right = _converted(values[half:], convert, wanted)
        together = pa.concat_arrays([left, right])
        return together, np.concatenate([bad_left, bad_right + half])
