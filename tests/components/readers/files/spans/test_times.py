"""What values of a column of times mean."""

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.readers.files.columns.lists import listed
from shardline.components.readers.files.judging.bad_input import (
    BadInput,
    BadInputError,
    FileFault,
    RowFaults,
)
from shardline.components.readers.files.spans.times import (
    TimeRule,
    microseconds,
    row_times,
    rows_outside,
)

NOON = 1_764_504_000  # 2025-11-30T12:00:00Z
UTC_NOON = datetime.datetime(2025, 11, 30, 12)


def faults(rows: int, mode: Any = "skip") -> RowFaults:
    return RowFaults(BadInput(mode), rows, "f.csv", lambda row: row + 1, "line")


@pytest.mark.parametrize(
    "values",
    [
        pa.array([NOON]),
        pa.array([NOON], pa.uint32()),
        pa.array([float(NOON)]),
        pa.array([str(NOON)]),
        pa.array([str(NOON).encode()], pa.binary()),
        pa.array(["2025-11-30T12:00:00"]),
        pa.array(["2025-11-30 12:00"]),
        pa.array(["2025-11-30T13:00:00+01:00"]),
        *(pa.array([UTC_NOON], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")),
    ],
    ids=lambda values: str(values.type),
)
def test_noon_is_noon_in_any_type(values: pa.Array) -> None:
    times = microseconds(values)

    assert times.us.tolist() == [NOON * 10**6]
    assert not times.bad


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64(), pa.string()])
def test_a_date_is_its_midnight(kind: pa.DataType) -> None:
    day = datetime.date(2025, 11, 30)
    values = pa.array([day.isoformat() if kind == pa.string() else day], kind)

    assert microseconds(values).us.tolist() == [(NOON - 12 * 3600) * 10**6]


def test_fractions_of_seconds_are_kept() -> None:
    assert microseconds(pa.array([NOON + 0.25])).us.tolist() == [NOON * 10**6 + 250_000]
    text = pa.array(["2025-11-30T12:00:00.25", f"{NOON}.5"])
    assert (microseconds(text).us - NOON * 10**6).tolist() == [250_000, 500_000]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (NOON * 1000, "looks like milliseconds since 1970"),
        (NOON * 10**6, "looks like microseconds or less"),
        (NOON * 10**9, "looks like microseconds or less"),
        (20_261_130, "looks like a date without dashes"),
        (20_261_130_120_000, "looks like milliseconds"),
        (-(10**12), "before the year 1"),
    ],
)
def test_numbers_of_other_units_are_no_times(value: int, why: str) -> None:
    for values in (pa.array([value]), pa.array([str(value)]), pa.array([float(value)])):
        assert why in microseconds(values).bad[0]


@pytest.mark.parametrize(
    "text", ["", "soon", "2025-11-31", "30.11.2025", "inf", "\xff"]
)
def test_other_text_is_no_time(text: str) -> None:
    values = pa.array([b"2025-11-30", text.encode("latin1"), b"2025-11-30"])

    times = microseconds(values)

    assert times.bad == {1: "is no time"}
    assert times.us[0] == times.us[2] != 0


@pytest.mark.parametrize("kind", [pa.float32(), pa.bool_(), pa.time32("s")])
def test_a_type_that_cannot_hold_times_is_the_file_s_fault(kind: pa.DataType) -> None:
    with pytest.raises(FileFault, match=r"column `at` holds"):
        row_times(TimeRule("at"), listed(pa.array([], kind)), faults(0))


def test_rows_without_one_time_are_bad() -> None:
    some = faults(5)
    lists = listed(pa.array([[NOON], [], [NOON, NOON], None, [NOON * 1000]]))

    times = row_times(TimeRule("at"), lists, some)

    assert some.good.tolist() == [True, False, False, False, False]
    assert times[0] == NOON * 10**6


def test_a_bad_time_is_told_with_its_value() -> None:
    lists = listed(pa.array([NOON, NOON * 1000]))

    told = (
        r"f\.csv, line 2: column `at` looks like milliseconds .* it holds 1764504000000"
    )
    with pytest.raises(BadInputError, match=told):
        row_times(TimeRule("at"), lists, faults(2, "error"))


@pytest.mark.parametrize("cuts", [True, False])
def test_rows_outside_of_the_period(cuts: bool) -> None:
    rule = TimeRule("at", "2025-11-30", NOON, NOON + 10, cuts)
    us = np.array([-1, 0, 9_999_999, 10_000_000]) + NOON * 10**6
    some = faults(4)
    some.good[3] = False

    passed = rows_outside(rule, us, some)

    assert some.good.tolist() == [False, True, True, False]
    assert passed.tolist() == [cuts, False, False, False]


def test_an_example_of_another_span_is_told() -> None:
    rule = TimeRule("at", "2025-11-29", NOON - 10, NOON, cuts=False)

    told = r"line 1: .* outside of span 2025-11-29.*it holds '2025-11-30T12:00:00Z'"
    with pytest.raises(BadInputError, match=told):
        rows_outside(rule, np.array([NOON * 10**6]), faults(1, "error"))
