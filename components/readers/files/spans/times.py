"""Times in a column: what its values mean, and in which span they are.

A time is a whole number of seconds since 1970, a date or time as ISO 8601 writes it
(`configs.boundaries`), or what Arrow has for dates and times; without a zone it is UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.types as kinds

from shardline.components.readers.files.columns.lists import Lists
from shardline.components.readers.files.columns.value_texts import is_text
from shardline.components.readers.files.judging.bad_input import FileFault, RowFaults
from shardline.configs.boundaries import value_of
from shardline.configs.shown import quoted, shown

MICROSECONDS = 1_000_000
# Seconds beyond the year 5000 are milliseconds; those of these months of 1970 are dates
# without dashes, such as 20261130.
_FIRST_MS = 10**11
_FIRST_DATE, _LAST_DATE = 19_000_101, 21_991_231
_FIRST_SECOND = -62_135_596_800  # of the year 1
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY_S = 86_400


@dataclass(frozen=True)
class TimeRule:
    """Where the times of rows are, and in which period they shall be.

    Attributes:
        column: the column of times.
        span: the name of the period.
        start: its first second, since 1970; None: any time will do.
        end: the first second after it.
        cuts: whether rows of other periods are passed over, for they are of other
            spans; else they are bad.
    """

    column: str
    span: str = ""
    start: int | None = None
    end: int | None = None
    cuts: bool = False


class Times(NamedTuple):
    """Times of values.

    Attributes:
        us: microseconds since 1970, int64 [values]; 0 where it is no time.
        bad: why a value is no time, by its position.
    """

    us: np.ndarray
    bad: dict[int, str]


def row_times(rule: TimeRule, lists: Lists, faults: RowFaults) -> np.ndarray:
    """Returns the time of each row, and marks rows that have none as bad.

    Args:
        rule: which column it is.
        lists: its values, as the file has them.
        faults: where rows are marked.

    Returns:
        Microseconds since 1970, int64 [rows]; 0 for rows that are bad.

    Raises:
        FileFault: if no value of the column's type is a time.
    """
    lengths = lists.lengths
    column = shown(rule.column)
    check_type(rule.column, lists.values.type)
    faults.mark(
        np.flatnonzero(lengths != 1),
        f"column `{column}` has not one time to tell the span by",
        lambda row: f"it has {lengths[row]:,} values",
        "Name another column in `data.spans.column`, or write one time.",
    )
    if not len(lists.values):
        return np.zeros(len(lengths), np.int64)
    times = microseconds(lists.values)
    for reason in sorted(set(times.bad.values())):
        positions = [place for place, why in times.bad.items() if why == reason]
        faults.mark(
            lists.row_of(np.array(positions, np.int64)),
            f"column `{column}` {reason}",
            lambda row: f"it holds {lists.shown(row)}",
            "Write whole seconds since 1970, or ISO 8601 such as 2026-11-30T12:30:00.",
        )
    # A row without a value is marked; it may point past the last.
    positions = np.minimum(lists.offsets[:-1], len(lists.values) - 1)
    us: np.ndarray = times.us[positions]
    return us


def check_type(column: str, stored: pa.DataType) -> None:
    """Refuses a column that cannot hold times.

    Args:
        column: its name.
        stored: the type of its values.

    Raises:
        FileFault: if no value of that type is a time.
    """
    if why := _misfit(stored):
        raise FileFault(f"its column `{shown(column)}` holds {stored}; {why}")


def rows_outside(rule: TimeRule, us: np.ndarray, faults: RowFaults) -> np.ndarray:
    """Returns which good rows are passed over, for they are of other spans.

    Args:
        rule: the period; rows outside of it are bad unless it cuts.
        us: the times of rows, int64 [rows].
        faults: where rows are marked.
    """
    nothing = np.zeros(len(us), bool)
    if rule.start is None or rule.end is None:
        return nothing
    is_outside = (us < rule.start * MICROSECONDS) | (us >= rule.end * MICROSECONDS)
    if rule.cuts:
        return faults.pass_over(is_outside)
    faults.mark(
        np.flatnonzero(is_outside),
        f"column `{shown(rule.column)}` holds a time outside of span {rule.span}, "
        "which the file's name tells",
        lambda row: f"it holds {_iso(int(us[row]))}",
        "Move the example to the span of its time, or correct one of the two.",
    )
    return nothing


def microseconds(values: pa.Array) -> Times:
    """Returns the times that values mean.

    Args:
        values: without nulls, of a type that can hold times.
    """
    stored = values.type
    if kinds.is_integer(stored):
        seconds = values.cast(pa.int64(), safe=False).to_numpy()
        return _of_seconds(seconds, np.zeros(len(seconds), np.int64))
    if kinds.is_floating(stored):
        return _of_floats(values.to_numpy(zero_copy_only=False))
    if kinds.is_timestamp(stored) or kinds.is_date(stored):
        return _of_arrow(values)
    return _of_text(values)


def _misfit(stored: pa.DataType) -> str:
    """Returns why no value of a type is a time, or ""."""
    if kinds.is_float32(stored) or kinds.is_float16(stored):
        return (
            "floats of 32 bits cannot tell seconds apart, expected whole numbers. "
            "Write int64, or ISO 8601."
        )
    is_time = (
        kinds.is_integer(stored)
        or kinds.is_float64(stored)
        or kinds.is_timestamp(stored)
        or kinds.is_date(stored)
        or kinds.is_null(stored)
        or is_text(stored)
    )
    if is_time:
        return ""
    return (
        "expected seconds since 1970, ISO 8601 or dates and times. Name another "
        "column in `data.spans.column`."
    )


def _of_seconds(seconds: np.ndarray, rest_us: np.ndarray) -> Times:
    """Returns the times of seconds that numbers gave, and of fractions of them."""
    bad = {
        int(place): _why_no_second(int(seconds[place]))
        for place in np.flatnonzero(
            (seconds >= _FIRST_MS)
            | (seconds < _FIRST_SECOND)
            | ((seconds >= _FIRST_DATE) & (seconds <= _LAST_DATE))
        )
    }
    good = np.ones(len(seconds), bool)
    good[list(bad)] = False
    return Times(np.where(good, seconds, 0) * MICROSECONDS + rest_us * good, bad)


def _why_no_second(second: int) -> str:
    if abs(second) >= 10**14:
        return "looks like microseconds or less since 1970, not seconds"
    if second >= _FIRST_MS:
        return "looks like milliseconds since 1970, not seconds"
    if second < _FIRST_SECOND:
        return "holds a time before the year 1"
    return "looks like a date without dashes, not seconds since 1970"


def _of_floats(values: np.ndarray) -> Times:
    is_number = np.isfinite(values) & (np.abs(values) < 2.0**62)
    whole = np.floor(np.where(is_number, values, 0.0))
    rest = np.round((np.where(is_number, values, 0.0) - whole) * MICROSECONDS)
    times = _of_seconds(whole.astype(np.int64), rest.astype(np.int64))
    bad = {int(place): "is no time" for place in np.flatnonzero(~is_number)}
    return Times(times.us, times.bad | bad)


def _of_arrow(values: pa.Array) -> Times:
    stored = values.type
    counts = values.view(pa.int32() if kinds.is_date32(stored) else pa.int64())
    counts = counts.cast(pa.int64()).to_numpy()
    if kinds.is_date32(stored):
        us = counts * (_DAY_S * MICROSECONDS)
    else:
        unit = _PER_SECOND["ms" if kinds.is_date64(stored) else stored.unit]
        us = counts // (unit // MICROSECONDS) if unit > MICROSECONDS else None
        us = counts * (MICROSECONDS // unit) if us is None else us
    is_bad = (us >= _FIRST_MS * MICROSECONDS) | (us < _FIRST_SECOND * MICROSECONDS)
    bad = {int(place): "is no time" for place in np.flatnonzero(is_bad)}
    return Times(np.where(is_bad, 0, us), bad)


def _of_text(values: pa.Array) -> Times:
    text = values.cast(pa.large_binary()).cast(pa.large_string(), safe=False)
    try:
        seconds = text.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return _of_each(values.cast(pa.large_binary()))
    return _of_seconds(seconds, np.zeros(len(seconds), np.int64))


def _of_each(values: pa.Array) -> Times:
    encoded = values.dictionary_encode()
    us = np.zeros(len(encoded.dictionary), np.int64)
    bad: dict[int, str] = {}
    for place, text in enumerate(encoded.dictionary.to_pylist()):
        us[place], why = _meant(text)
        if why:
            bad[place] = why
    indices = encoded.indices.to_numpy()
    places = np.flatnonzero(np.isin(indices, list(bad)))
    return Times(us[indices], {int(p): bad[int(indices[p])] for p in places})


def _meant(text: bytes) -> tuple[int, str]:
    """Returns the microseconds that text means, and why it means none, or ""."""
    try:
        words = text.decode()
    except UnicodeDecodeError:
        return 0, "is no time"
    moment = value_of(words, "moment")
    if isinstance(moment, int):
        return moment // 1_000, ""
    number = value_of(words, "number")
    if not isinstance(number, Decimal) or not number.is_finite():
        return 0, "is no time"
    if abs(number) >= 2**62:
        return 0, _why_no_second(2**62)
    times = _of_floats(np.array([float(number)]))
    return int(times.us[0]), times.bad.get(0, "")


def _iso(us: int) -> str:
    seconds, rest = divmod(us, MICROSECONDS)
    moment = np.datetime64(seconds, "s")
    return quoted(f"{moment}{f'.{rest:06}' if rest else ''}Z")
