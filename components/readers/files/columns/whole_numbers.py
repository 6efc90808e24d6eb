"""Whole numbers out of what files hold them as: text, floats, decimals, uint64.

Ids are whole numbers, and a writer without a missing whole number makes floats of them.
A float is taken as long as it tells the number it was made of from its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from shardline.components.readers.files.columns.byte_arrays import content_of

# What is wrong with a value.
GOOD, MISSING, OTHER, INEXACT, LARGE = range(5)

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
# From here on a float stands for several whole numbers.
_INEXACT_FROM = {pa.float16(): 1 << 11, pa.float32(): 1 << 24, pa.float64(): 1 << 53}
_CERTAIN_BYTES = 16  # text of so few digits, with a point, is as exact as its float
_WHOLE = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")
_NAN = re.compile(r"[+-]?nan", re.IGNORECASE)


class Fault(NamedTuple):
    """Why a value is no int64, after the value, and what to do about it."""

    why: str
    remedy: str


def fault_of(code: int, stored: pa.DataType, *, is_text: bool) -> Fault:
    """Returns what to say of a value that is OTHER, INEXACT or LARGE.

    Args:
        code: which of them.
        stored: the type of the value.
        is_text: whether numbers are text.
    """
    if code == INEXACT:
        most = _INEXACT_FROM.get(stored, 1 << 53)
        return Fault(
            f", and whole numbers from {most:,} on cannot be told apart as floats",
            "Write them without a point, or as strings.",
        )
    if code == LARGE:
        return Fault(
            f", and int64 ends at {_MOST:,}",
            "Leave out `dtype`, to take them as strings."
            if is_text or as_digits(stored)
            else "Write them as strings.",
        )
    if is_text:
        return Fault("", "Write whole numbers, or give the feature another `dtype`.")
    return Fault("", "Write whole numbers, or strings.")


def as_digits(stored: pa.DataType) -> bool:
    """Tells whether values can be strings too: whole numbers that int64 cannot hold."""
    is_whole = kinds.is_decimal(stored) and stored.scale == 0
    return is_whole or bool(kinds.is_uint64(stored))


def whole_numbers(values: pa.Array, *, is_text: bool) -> tuple[pa.Array, np.ndarray]:
    """Returns values as int64.

    Args:
        values: integers, booleans, floats or decimals without nulls; or binary text.
        is_text: whether they are text.

    Returns:
        The numbers, anything where there is none; and what is wrong with each value,
        int8 [values].
    """
    if is_text:
        return _of_texts(values)
    if kinds.is_decimal(values.type):
        return _of_decimals(values)
    if kinds.is_floating(values.type):
        return _of_floats(values)
    codes = np.zeros(len(values), np.int8)
    if kinds.is_uint64(values.type):
        codes[values.to_numpy() > _MOST] = LARGE
    return values.cast(pa.int64(), safe=False), codes


def _of_floats(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    floats = values.to_numpy(zero_copy_only=False)
    codes = np.full(len(floats), GOOD, np.int8)
    codes[np.trunc(floats) != floats] = OTHER
    codes[np.abs(floats) >= _INEXACT_FROM[values.type]] = INEXACT
    codes[np.isinf(floats)] = OTHER
    codes[np.isnan(floats)] = MISSING
    return pa.array(np.where(codes == GOOD, floats, 0).astype(np.int64)), codes


def _of_decimals(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    try:
        return values.cast(pa.int64()), np.zeros(len(values), np.int8)
    except pa.ArrowInvalid:
        numbers, codes = _each(values, _of_decimal)
        return pa.array(numbers), codes


def _of_texts(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    content = content_of(values)
    # Arrow takes hexadecimal numbers, too, and is slow to refuse many with a point.
    if not any(character in content for character in (b"x", b"X", b".")):
        try:
            whole = values.view(pa.large_string()).cast(pa.int64())
        except pa.ArrowInvalid:
            pass
        else:
            return whole, np.zeros(len(values), np.int8)
    try:
        floats = values.view(pa.large_string()).cast(pa.float64())
    except pa.ArrowInvalid:
        numbers, codes = _each(values, _of_text)
        return pa.array(numbers), codes
    whole, codes = _of_floats(floats)
    lengths = np.asarray(pc.binary_length(values))
    # What becomes 0 may have been a fraction too small for a float.
    is_certain = (lengths <= _CERTAIN_BYTES) & ((whole.to_numpy() != 0) | (lengths < 4))
    others = np.flatnonzero(~(is_certain & (codes == GOOD)))
    numbers = whole.to_numpy().copy()
    numbers[others], codes[others] = _each(values.take(pa.array(others)), _of_text)
    return pa.array(numbers), codes


def _each(
    values: pa.Array, read: Callable[..., tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Reads each value that differs by itself; returns numbers, and what is wrong."""
    encoded = values.dictionary_encode()
    of_each = [read(value) for value in encoded.dictionary.to_pylist()]
    numbers, codes = np.array(of_each, np.int64).reshape(-1, 2).T
    indices = encoded.indices.to_numpy()
    return numbers[indices], codes[indices].astype(np.int8)


def _of_text(value: bytes) -> tuple[int, int]:
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:
        return 0, OTHER
    if _WHOLE.fullmatch(text):
        return _of_decimal(Decimal(text))
    if _NAN.fullmatch(text):
        return 0, MISSING
    if not _FLOAT.fullmatch(text):
        return 0, OTHER
    number = Decimal(text)
    least = _INEXACT_FROM[pa.float64()]
    return _of_decimal(number) if -least < number < least else (0, INEXACT)


def _of_decimal(number: Decimal) -> tuple[int, int]:
    if not _LEAST <= number <= _MOST:
        return 0, LARGE
    is_whole = number == number.to_integral_value()
    return (int(number), GOOD) if is_whole else (0, OTHER)
