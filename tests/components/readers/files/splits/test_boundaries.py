"""Boundaries of held-out splits, against Python's own numbers and times."""

import datetime
import decimal
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from shardline.components.readers.files import (
    BadInput,
    BadInputError,
    ReadSettings,
    Unit,
    read_unit,
)
from shardline.configs.column import Column
from shardline.configs.data import HeldOut

FORMATS = ["tfrecord", "csv", "parquet"]
BIG = 2**53 + 1
UTC = datetime.UTC


def evaluated(
    file: str, at_least: Any, column: Column | None = None, bad: BadInput | None = None
) -> list[int]:
    """Returns the numbers of the rows that the split holds out by column `at`."""
    columns = {"n": Column("int64")} | ({"at": column} if column else {})
    settings = ReadSettings(
        file.rpartition(".")[2],  # type: ignore[arg-type]
        columns,
        held_out={"eval": HeldOut(column="at", at_least=at_least)},
    )
    found: list[int] = []
    for split, batch in read_unit(
        Unit(file), settings, BadInput() if bad is None else bad, 7
    ):
        if split == "eval":
            found += batch.column(0).flatten().to_pylist()
    return found


def typed(values: list, stored: pa.DataType) -> pa.Table:
    return pa.table({"n": range(len(values)), "at": pa.array(values, stored)})


def day(number: int) -> datetime.date:
    return datetime.date(2024, 9, number)


def at(hour: int, zone: datetime.tzinfo | None = None) -> datetime.datetime:
    return datetime.datetime(2024, 9, 30, hour, tzinfo=zone)


WHOLE = [0, 7, 999, 1000, BIG - 1, BIG, BIG + 1, 2**63 - 1]


@pytest.mark.parametrize(
    "at_least",
    [1000, 1000.0, "1000", 999.5, BIG, str(BIG), 2**63 - 1, 2**63, 2**64, -1, 1e30],
)
@pytest.mark.parametrize("name", [f"a.{form}" for form in FORMATS])
def test_whole_numbers_are_compared_exactly(
    name: str, at_least: Any, write: Callable[..., str]
) -> None:
    file = write(name, [{"n": i, "at": v} for i, v in enumerate(WHOLE)])
    expected = [i for i, v in enumerate(WHOLE) if v >= decimal.Decimal(at_least)]
    assert evaluated(file, at_least) == expected


@pytest.mark.parametrize(
    "at_least", [1000, 2**63 - 1, 2**63, 2**64 - 2, 2**64, -5, "9.3e18", 1e19]
)
@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_uint64_is_compared_beyond_int64(
    name: str, at_least: Any, write: Callable[..., str]
) -> None:
    values = [1, 1000, 2**63 - 1, 2**63, 2**63 + 5, 2**64 - 1]
    table = typed(values, pa.uint64())
    content = table if name == "a.parquet" else table.to_pylist()
    expected = [i for i, v in enumerate(values) if v >= decimal.Decimal(at_least)]
    assert evaluated(write(name, content), at_least) == expected


@pytest.mark.parametrize(
    "stored", [pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32()]
)
@pytest.mark.parametrize("at_least", [-200, 0, 5, 5.5, 127, 128, 300, 2**32, "6"])
def test_small_integers_are_compared_with_any_number(
    stored: pa.DataType, at_least: Any, write: Callable[..., str]
) -> None:
    file = write("a.parquet", typed([0, 5, 6, 127], stored))
    least = float(at_least)
    expected = [i for i, v in enumerate([0, 5, 6, 127]) if v >= least]
    assert evaluated(file, at_least) == expected


@pytest.mark.parametrize("name", [f"a.{form}" for form in FORMATS])
@pytest.mark.parametrize(
    ("at_least", "first"), [(0.7, 2), ("0.7", 2), (0.3, 1), (-1.5, 0), (1, 3), (9, 4)]
)
def test_fractions_are_the_floats_that_are_written_so(
    name: str, at_least: Any, first: int, write: Callable[..., str]
) -> None:
    rows = [{"n": i, "at": v} for i, v in enumerate([-1.5, 0.3, 0.7, 1.0])]
    assert evaluated(write(name, rows), at_least) == list(range(first, 4))


def test_floats_are_compared_exactly_with_whole_numbers(
    write: Callable[..., str],
) -> None:
    file = write("a.parquet", typed([2.0**53, 2.0**53 + 2, 1e300], pa.float64()))
    assert evaluated(file, BIG) == [1, 2]
    file = write("a.parquet", typed([2.0**24, 2.0**24 + 2], pa.float32()))
    assert evaluated(file, 2**24 + 1) == [1]
    assert evaluated(file, 10**400) == []
    assert evaluated(file, "-1e400") == [0, 1]


@pytest.mark.parametrize("name", [f"a.{form}" for form in FORMATS])
def test_number_that_is_none_is_no_side_of_a_boundary(
    name: str, write: Callable[..., str]
) -> None:
    rows = [{"n": i, "at": v} for i, v in enumerate([0.5, float("nan"), 2.5])]
    bad = BadInput("skip")
    assert evaluated(write(name, rows), 1, bad=bad) == [2]
    assert bad.rows == {
        "column `at` does not hold the number that split `eval` asks for": 1
    }


@pytest.mark.parametrize(
    "stored", [pa.decimal128(20, 2), pa.decimal256(60, 3), pa.decimal128(18, 5)]
)
@pytest.mark.parametrize("at_least", [20, 20.1, "20.1", "20.005", 19.999, 1e300, -1e60])
def test_decimals_are_compared_exactly(
    stored: pa.DataType, at_least: Any, write: Callable[..., str]
) -> None:
    values = [decimal.Decimal(text) for text in ("-3", "19.99", "20", "20.01", "20.1")]
    table = typed(
        [v.quantize(decimal.Decimal(1).scaleb(-stored.scale)) for v in values], stored
    )
    least = decimal.Decimal(str(at_least))
    expected = [i for i, v in enumerate(values) if v >= least]
    assert evaluated(write("a.parquet", table), at_least) == expected


MOMENTS = [
    ("2024-09-30", at(0)),
    ("2024-09-30T00:00:00", at(0)),
    ("2024-09-30 03:00", at(3)),
    ("2024-09-30T03:00:00Z", at(3)),
    (" 2024-09-30 05:00:00+02:00 ", at(3)),
    ("2024-09-29T22:30:00.000001-04:30", at(3) + datetime.timedelta(microseconds=1)),
    ("2024-09", datetime.datetime(2024, 9, 1)),
    ("2024/10/01", datetime.datetime(2024, 10, 1)),
    ("9999-12-31", datetime.datetime(9999, 12, 31)),
]
TIMES = [
    datetime.datetime(2024, 9, 29, 23),
    at(0),
    at(2),
    at(3),
    at(4),
    datetime.datetime(2024, 10, 2),
]


@pytest.mark.parametrize(("at_least", "moment"), MOMENTS)
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_timestamps_are_compared_by_time(
    unit: str,
    zone: str | None,
    at_least: str,
    moment: datetime.datetime,
    write: Callable[..., str],
) -> None:
    there = [time.replace(tzinfo=UTC) if zone else time for time in TIMES]
    file = write("a.parquet", typed(there, pa.timestamp(unit, zone)))
    expected = [i for i, time in enumerate(TIMES) if time >= moment]
    assert evaluated(file, at_least) == expected


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%d %H:%M:%S.000000+00:00",
        "%Y-%m-%dT%H:%M",
        "%Y/%m/%d %H:%M:%S",
        " %Y-%m-%d  %H UTC",
    ],
)
@pytest.mark.parametrize("name", [f"a.{form}" for form in FORMATS])
@pytest.mark.parametrize(("at_least", "moment"), MOMENTS)
def test_text_that_is_a_time_is_compared_by_time(
    name: str,
    form: str,
    at_least: str,
    moment: datetime.datetime,
    write: Callable[..., str],
) -> None:
    rows = [{"n": i, "at": time.strftime(form)} for i, time in enumerate(TIMES)]
    expected = [i for i, time in enumerate(TIMES) if time >= moment]
    assert evaluated(write(name, rows), at_least) == expected
    # What is read alone is read as together with others.
    rows[0]["at"] = " 2024-09-29T23:00 "
    assert evaluated(write(name, rows), at_least) == expected


@pytest.mark.parametrize("stored", [pa.date32(), pa.date64()])
@pytest.mark.parametrize(
    ("at_least", "first"),
    [("2024-09-02", 1), ("2024-09-02T00:00:01", 2), ("2024-10", 3), ("1969-12-31", 0)],
)
def test_dates_are_compared_by_day(
    stored: pa.DataType, at_least: str, first: int, write: Callable[..., str]
) -> None:
    file = write("a.parquet", typed([day(1), day(2), day(3)], stored))
    assert evaluated(file, at_least) == list(range(first, 3))


@pytest.mark.parametrize(
    "stored", [pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"), None]
)
@pytest.mark.parametrize(("at_least", "first"), [("09:30", 1), ("09:30:00.5", 2)])
def test_times_of_day_are_compared_by_time(
    stored: pa.DataType | None, at_least: str, first: int, write: Callable[..., str]
) -> None:
    times = [datetime.time(8, 59), datetime.time(9, 30), datetime.time(17)]
    told = times if stored else [str(time) for time in times]
    file = write("a.parquet", typed(told, stored or pa.string()))
    assert evaluated(file, at_least) == list(range(first, 3))


@pytest.mark.parametrize("name", [f"a.{form}" for form in FORMATS])
@pytest.mark.parametrize(
    ("values", "at_least", "told"),
    [
        (["2024-09-29", "2024-9-30"], "2024-09-30", "'2024-9-30'. Correct it"),
        (["29/09/2024"], "2024-09-30", "'29/09/2024'. Correct it"),
        (["20240929"], "2024-09-30", "'20240929'. Correct it, or `data."),
        (["11/1/2025"], "2025-12-01", "'11/1/2025'. Correct it"),
        (["2024-02-30"], "2024-01-30", "'2024-02-30'. Correct it"),
        (["0000-01-01", "2024-02-20"], "2024-01-30", "'0000-01-01'. Correct it"),
        (["2024-03-01"], "20240301", "'2024-03-01'. Correct it"),
        (["4", "1,5"], "3", "'1,5'. Correct it"),
        (["4", "soon"], 3, "'soon'. Correct it"),
        (["9:30"], "09:30", "'9:30'. Correct it"),
        (["w8", "w10"], "w9", "'w10'. Correct it"),
        (["1.10.0", "2.1.0"], "1.9.0", "'1.10.0'. Correct it"),
        (["2024-03-01"], "20240301T00", "'2024-03-01'. Correct it"),
        (["\x1b[31m"], 3, r"'\x1b[31m'. Correct it"),
    ],
)  # fmt: skip
def test_text_that_is_not_written_alike_is_refused(
    name: str, values: list, at_least: Any, told: str, write: Callable[..., str]
) -> None:
    cells = [f'"{v}"' for v in values] if name.endswith("csv") else values
    file = write(name, [{"n": i, "at": v} for i, v in enumerate(cells)])
    with pytest.raises(BadInputError) as error:
        evaluated(file, at_least)
    assert "column `at` does not hold the" in str(error.value)
    assert told in str(error.value)


@pytest.mark.parametrize("name", [f"a.{form}" for form in FORMATS])
def test_other_text_is_compared_as_text(name: str, write: Callable[..., str]) -> None:
    rows = [{"n": i, "at": v} for i, v in enumerate(["early", "late", "later", "x"])]
    file = write(name, rows)
    assert evaluated(file, "late") == [1, 2, 3]
    assert evaluated(file, "y") == []
    assert evaluated(file, "late2") == [2, 3]
    rows = [{"n": i, "at": v} for i, v in enumerate(["w08", "w10", "x9", "w09b", "v2"])]
    assert evaluated(write(name, rows), "w09") == [1, 2, 3]


@pytest.mark.parametrize("name", [f"a.{form}" for form in FORMATS])
@pytest.mark.parametrize(
    "column", [None, Column("float"), Column("int64"), Column("string")]
)
def test_what_else_reads_a_column_does_not_change_its_split(
    name: str, column: Column | None, write: Callable[..., str]
) -> None:
    seconds = [1_700_000_000 + i for i in range(20)]  # floats of 128 seconds
    values: list = seconds
    if column == Column("string"):
        values = [str(second) for second in seconds]
    rows = [{"n": i, "at": v} for i, v in enumerate(values)]
    assert evaluated(write(name, rows), seconds[7], column) == list(range(7, 20))


def test_floats_stored_in_several_types_are_compared_as_stored(
    write: Callable[..., str],
) -> None:
    rows = [{"n": 0, "at": 1_700_000_001}, {"n": 1, "at": 0.7}, {"n": 2, "at": 5}]
    file = write("a.tfrecord", rows)
    for column in (None, Column("float")):
        assert evaluated(file, 1_700_000_001, column) == [0]
        assert evaluated(file, 1_700_000_002, column) == []
        assert evaluated(file, 0.7, column) == [0, 1, 2]


@pytest.mark.parametrize(
    ("fractions", "whole"),
    [
        (pa.array([f"{i}.0" for i in range(300)]), pa.array(range(300))),
        (pa.array([f"{i}.50" for i in range(300)]),
         pa.array([i + 0.5 for i in range(300)])),
        (pa.array([decimal.Decimal(i) for i in range(300)], pa.decimal128(9, 3)),
         pa.array([str(i) for i in range(300)])),
        (pa.array([10**6 * i for i in range(300)], pa.timestamp("us")),
         pa.array([f"1970-01-01 00:{i // 60:02}:{i % 60:02}" for i in range(300)])),
        (pa.array([1000 * i for i in range(300)], pa.time32("ms")),
         pa.array(range(300), pa.time32("s"))),
        (pa.array(range(300), pa.uint64()), pa.array(map(float, range(300)))),
    ],
)  # fmt: skip
def test_one_number_is_drawn_the_same_however_it_is_written(
    fractions: pa.Array, whole: pa.Array, write: Callable[..., str]
) -> None:
    settings = ReadSettings(
        "parquet",
        {"n": Column("int64")},
        held_out={"eval": HeldOut(column="at", fraction=0.3)},
    )
    drawn = []
    for values in (fractions, whole):
        file = write("a.parquet", pa.table({"n": range(300), "at": values}))
        drawn.append(
            [
                n
                for split, batch in read_unit(Unit(file), settings, BadInput())
                for n in batch.column(0).flatten().to_pylist()
                if split == "eval"
            ]
        )
    assert drawn[0] == drawn[1]
    assert 50 < len(drawn[0]) < 130
