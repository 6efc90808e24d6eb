"""Which values of a column reach the boundary of a held-out split.

A column that has a type is compared in it, exactly; text is compared as
`configs.boundaries` reads the boundary.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import ROUND_CEILING, Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from shardline.components.readers.files.columns.value_texts import is_text
from shardline.configs.boundaries import Boundary, Kind, value_of
from shardline.configs.shown import quoted

_UNIT_NS = {"s": 10**9, "ms": 10**6, "us": 1_000, "ns": 1}
_DAY_NS = 86_400 * 10**9
_FIRST_US = int(
    (datetime.datetime.min - datetime.datetime(1970, 1, 1))
    / datetime.timedelta(microseconds=1)
)
_PIECES = re.compile(rb"[0-9]+|[^0-9]+")
_NONE = np.empty(0, np.int64)
WORDS: dict[Kind, str] = {
    "number": "number",
    "moment": "date or time",
    "clock": "time of day",
    "text": "text",
}


def misfit(stored: pa.DataType, at_least: float | str, boundary: Boundary) -> str:
    """Returns why a column's type cannot be compared with a boundary, or "".

    Args:
        stored: the type of the column's values.
        at_least: the boundary, as the configuration has it.
        boundary: what it means.
    """
    if is_text(stored) or _is_comparable(stored, boundary.kind):
        return ""
    given = "a number" if boundary.kind == "number" else f"the {WORDS[boundary.kind]}"
    given += "" if boundary.kind == "number" else f" {quoted(at_least)}"
    return f"{given}. {_remedy(stored, boundary)}"


def _is_comparable(stored: pa.DataType, kind: Kind) -> bool:
    if kind == "moment":
        return bool(kinds.is_timestamp(stored) or kinds.is_date(stored))
    if kind == "clock":
        return bool(kinds.is_time(stored))
    return kind == "number" and _is_number(stored)


def _is_number(stored: pa.DataType) -> bool:
    return bool(
        kinds.is_integer(stored)
        or kinds.is_floating(stored)
        or kinds.is_boolean(stored)
        or kinds.is_decimal(stored)
    )


def _remedy(stored: pa.DataType, boundary: Boundary) -> str:
    if kinds.is_timestamp(stored) or kinds.is_date(stored):
        return 'Give a date or time between quotes, such as "2024-09-30".'
    if kinds.is_time(stored):
        return 'Give a time of day between quotes, such as "12:30:00".'
    if not _is_number(stored):
        return "Name a column of numbers, dates, times or text."
    if boundary.kind != "moment":
        return "Give a number."
    assert isinstance(boundary.value, int)
    seconds = boundary.value // 10**9
    return (
        f"Give a number, such as {seconds} if the column counts seconds since 1970, or "
        f"{seconds * 1000} if milliseconds."
    )


def reached(values: pa.Array, boundary: Boundary) -> tuple[np.ndarray, np.ndarray]:
    """Compares values, of a type that `misfit` has nothing against.

    Args:
        values: without nulls.
        boundary: what to compare with.

    Returns:
        Which are the boundary or more, bool [values]; and the positions of those that
        cannot be compared, int64 [any], such as NaN, or text that is no number.
    """
    stored = values.type
    if is_text(stored):
        return _texts(values.cast(pa.large_binary()), boundary)
    if kinds.is_floating(stored):
        return _floats(values.to_numpy(zero_copy_only=False), _number(boundary))
    if kinds.is_decimal(stored):
        return _decimals(values, _number(boundary)), _NONE
    if kinds.is_integer(stored) or kinds.is_boolean(stored):
        whole = values.cast(pa.uint8()) if kinds.is_boolean(stored) else values
        return _whole(whole, _ceiling(_number(boundary))), _NONE
    assert isinstance(boundary.value, int)
    is_32 = stored.bit_width == 32
    counts = values.view(pa.int32() if is_32 else pa.int64())
    return _whole(counts, -(-boundary.value // _unit_ns(stored))), _NONE


def _unit_ns(stored: pa.DataType) -> int:
    if kinds.is_date32(stored):
        return _DAY_NS
    return _UNIT_NS["ms" if kinds.is_date64(stored) else stored.unit]


def _number(boundary: Boundary) -> Decimal:
    assert isinstance(boundary.value, Decimal)
    return boundary.value


def _ceiling(number: Decimal) -> int:
    """Returns the least whole number from a number on, of those of 64 bits or so."""
    bounded = max(min(number, Decimal(2**65)), Decimal(-(2**65)))
    return int(bounded.to_integral_value(ROUND_CEILING))


def _whole(values: pa.Array, least: int) -> np.ndarray:
    limits = np.iinfo(values.type.to_pandas_dtype())
    if least > limits.max:
        return np.zeros(len(values), bool)
    if least <= limits.min:
        return np.ones(len(values), bool)
    return np.asarray(pc.greater_equal(values, pa.scalar(least, values.type)))


def _floats(values: np.ndarray, number: Decimal) -> tuple[np.ndarray, np.ndarray]:
    least = _least_float(number, values.dtype.type)
    return values >= least, np.flatnonzero(np.isnan(values))


def _least_float(number: Decimal, kind: Any) -> Any:
    """Returns the least float from a number on.

    A number with a fraction is the float that is written so: 0.7 is one in float32, and
    not below the 0.7 of float64.
    """
    with np.errstate(over="ignore"):
        nearest = kind(float(number))
    if number != number.to_integral_value():
        return nearest
    below = np.nextafter(nearest, kind(-np.inf))
    if Decimal(float(nearest)) < number:
        return np.nextafter(nearest, kind(np.inf))
    return below if Decimal(float(below)) >= number else nearest


def _decimals(values: pa.Array, number: Decimal) -> np.ndarray:
    stored = values.type
    limit = Decimal(1).scaleb(stored.precision - stored.scale)
    if number >= limit:
        return np.zeros(len(values), bool)
    if number <= -limit:
        return np.ones(len(values), bool)
    unit = Decimal(1).scaleb(-stored.scale)
    least = number.quantize(unit, ROUND_CEILING, Context(prec=stored.precision + 1))
    if least >= limit:
        return np.zeros(len(values), bool)
    return np.asarray(pc.greater_equal(values, pa.scalar(least, stored)))


def _texts(values: pa.Array, boundary: Boundary) -> tuple[np.ndarray, np.ndarray]:
    if boundary.kind == "text":
        return _plain_texts(values, boundary)
    at_once = _parsed_at_once(values, boundary)
    if at_once is not None:
        return at_once, _NONE
    encoded = values.dictionary_encode()
    indices = encoded.indices.to_numpy()
    read = [read_text(text, boundary.kind) for text in encoded.dictionary.to_pylist()]
    least: Any = boundary.value  # of the same type as what was read
    is_reached = [value is not None and value >= least for value in read]
    is_bad = np.array([value is None for value in read], bool)
    return np.array(is_reached, bool)[indices], np.flatnonzero(is_bad[indices])


def _plain_texts(values: pa.Array, boundary: Boundary) -> tuple[np.ndarray, np.ndarray]:
    """Compares text byte by byte, unless numbers in it have other digits."""
    assert isinstance(boundary.value, bytes)
    least = pa.scalar(boundary.value, pa.large_binary())
    is_reached = np.asarray(pc.greater_equal(values, least))
    pieces = _PIECES.findall(boundary.value)
    if not any(map(bytes.isdigit, pieces)):
        return is_reached, _NONE
    encoded = values.dictionary_encode()
    is_bad = np.array(
        [_is_unlike(t, pieces) for t in encoded.dictionary.to_pylist()], bool
    )
    return is_reached, np.flatnonzero(is_bad[encoded.indices.to_numpy()])


def _is_unlike(text: bytes, pieces: list[bytes]) -> bool:
    """Tells whether text differs first in a number of more or fewer digits."""
    for came, expected in zip(_PIECES.findall(text), pieces, strict=False):
        if came != expected:
            are_numbers = came.isdigit() and expected.isdigit()
            return are_numbers and len(came) != len(expected)
    return False


def read_text(text: bytes, kind: Kind) -> Decimal | int | bytes | None:
    """Returns what a value of text means; None: it is not of this kind."""
    try:
        return value_of(text.decode(), kind)
    except UnicodeDecodeError:
        return None


def _parsed_at_once(values: pa.Array, boundary: Boundary) -> np.ndarray | None:
    """Compares plain whole numbers, or plain times, quickly; None: they are not all."""
    least: Any = boundary.value
    attempts: dict[Kind, list[Callable[[pa.Array], np.ndarray]]] = {
        "number": [lambda text: _whole(text.cast(pa.int64()), _ceiling(least))],
        "moment": [
            lambda text: _moments(text.cast(pa.timestamp("us")), least),
            lambda text: _moments(text.cast(pa.timestamp("us", "UTC")), least),
        ],
    }
    for attempt in attempts.get(boundary.kind, []):
        try:
            return attempt(values.cast(pa.large_string()))
        except pa.ArrowInvalid:
            continue
    return None


def _moments(times: pa.Array, least_ns: int) -> np.ndarray:
    """Compares times.

    Raises:
        pa.ArrowInvalid: One is before the year 1, which is no date.
    """
    counts = times.view(pa.int64())
    if len(counts) and pc.min(counts).as_py() < _FIRST_US:
        raise pa.ArrowInvalid("before the year 1")
    return _whole(counts, -(-least_ns // 1_000))
