"""Units of work, of files."""

from collections.abc import Callable

import pytest

from shardline.components.readers.files import (
    BadInput,
    ReadSettings,
    Unit,
    read_unit,
    units_of,
)
from shardline.configs.column import Column

ROWS = [{"a": i} for i in range(40)]


def settings_for(format_: str) -> ReadSettings:
    return ReadSettings(format_, {"a": Column("int64")})


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shardline.components.readers.files.units._PART_BYTES", 40)


@pytest.mark.parametrize("format_", ["tfrecord", "csv", "parquet"])
@pytest.mark.parametrize("workers", [1, 2, 3, 50])
def test_units_together_hold_every_row_once(
    format_: str, workers: int, write: Callable[..., str]
) -> None:
    files = [write(f"{name}.{format_}", ROWS) for name in "ab"]
    settings = settings_for(format_)
    work = units_of(files, settings, workers)
    read = [
        value
        for unit in work
        for _, batch in read_unit(unit, settings, BadInput(), 4)
        for value in batch.column(0).flatten().to_pylist()
    ]
    assert sorted(read) == sorted([row["a"] for row in ROWS] * 2)
    assert sorted(work) == work
    assert (len(work) > 2) == (workers > 1)


def test_many_files_are_one_unit_each(write: Callable[..., str]) -> None:
    files = [write(f"{name}.csv", ROWS) for name in "abcd"]
    assert units_of(files, settings_for("csv"), 2) == [Unit(file) for file in files]


def test_small_file_is_one_unit(write: Callable[..., str]) -> None:
    file = write("a.csv", ROWS[:9])
    assert units_of([file], settings_for("csv"), 8) == [Unit(file, 0, 1)]


def test_parquet_has_no_more_parts_than_row_groups(write: Callable[..., str]) -> None:
    file = write("a.parquet", ROWS)
    work = units_of([file], settings_for("parquet"), 100)
    assert work == [Unit(file, part, 8) for part in range(8)]


def test_file_that_cannot_be_read_is_one_unit(write: Callable[..., str]) -> None:
    files = ["none.csv", "ram://none.csv"]
    assert units_of(files, settings_for("csv"), 8) == [Unit(file) for file in files]
    file = write("a.parquet", b"no parquet" * 100)
    assert units_of([file], settings_for("parquet"), 8) == [Unit(file)]
