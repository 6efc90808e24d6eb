"""What is said of a split that ends without an example."""

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.readers.files import (
    BadInput,
    ReadSettings,
    Unit,
    read_unit,
    why_empty,
)
from shardline.components.readers.files.beam_reader import FileReader
from shardline.components.readers.files.sampling import sample
from shardline.components.readers.files.splits.sampled import sampled_split
from shardline.configs.column import Column
from shardline.configs.data import HeldOut

FORMATS = ["tfrecord", "csv", "parquet"]


def settings_for(file: str, **held_out: dict) -> ReadSettings:
    return ReadSettings(
        file.rpartition(".")[2],  # type: ignore[arg-type]
        {"n": Column("int64")},
        held_out={split: HeldOut(**rule) for split, rule in held_out.items()},
    )


@pytest.mark.parametrize("name", [f"a.{form}" for form in FORMATS])
@pytest.mark.parametrize(
    ("split", "at_least", "takes", "goes", "remedy"),
    [
        ("train", 0, 30, "from 7 to 36", "higher"),
        ("eval", "99", 0, "from 7 to 36", "lower"),
        ("eval", "z\x1b", 0, "from 'm10' to 'm9'", "lower"),
    ],
)
def test_boundary_and_range_of_values_are_told(
    name: str,
    split: str,
    at_least: Any,
    takes: int,
    goes: str,
    remedy: str,
    write: Callable[..., str],
) -> None:
    values = [f"m{v}" if "m10" in goes else v for v in range(7, 37)]
    file = write(name, [{"n": i, "at": v} for i, v in enumerate(values)])
    given = "0" if at_least == 0 else repr(at_least)
    assert why_empty(
        split, [file], settings_for(name, eval={"column": "at", "at_least": at_least})
    ) == (
        f"`data.files.held_out.eval` takes {takes} of the first 30 examples of {file}: "
        f"column `at` goes {goes} there, and `at_least` is {given}. Give a {remedy} "
        "boundary."
    )


@pytest.mark.parametrize(
    ("stored", "values", "at_least", "goes"),
    [
        (pa.float16(), [np.float16(1.5), np.float16(2)], 9, "from 1.5 to 2"),
        (pa.timestamp("ns"), [1, 5], "1969-01-01",
         "from '1970-01-01 00:00:00.000000001' to '1970-01-01 00:00:00.000000005'"),
        (pa.date32(), [datetime.date(2024, 1, 2)], "1969-01-01",
         "from '2024-01-02' to '2024-01-02'"),
        (pa.uint64(), [2**63, 2**64 - 1], 5,
         "from 9223372036854775808 to 18446744073709551615"),
        (pa.bool_(), [True, False], 0, "from 0 to 1"),
        (pa.float64(), [2.5, -1.0], -3, "from -1 to 2.5"),
        (pa.string(), ["10", "9"], "2", "from 9 to 10"),
        (pa.string(), ["2024-03-01", "2024-01-01T10:00Z"], "1999-01-01",
         "from '2024-01-01T10:00Z' to '2024-03-01'"),
    ],
)  # fmt: skip
def test_range_is_in_the_order_of_the_type(
    stored: pa.DataType, values: list, at_least: Any, goes: str,
    write: Callable[..., str],
) -> None:  # fmt: skip
    table = pa.table({"n": range(len(values)), "at": pa.array(values, stored)})
    file = write("a.parquet", table)
    settings = settings_for(file, eval={"column": "at", "at_least": at_least})
    assert f"column `at` goes {goes} there" in why_empty("train", [file], settings)


@pytest.mark.parametrize("power", [1, 2, 3])
@pytest.mark.parametrize("given", [1_700_000_000, "1700000000", 1.7e9])
@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_counts_of_other_units_are_named(
    name: str, given: Any, power: int, write: Callable[..., str]
) -> None:
    scale = 1000**power
    rows = [{"n": i, "at": (1_690_000_000 + i) * scale} for i in range(9)]
    file = write(name, rows)
    unit = ["milliseconds", "microseconds", "nanoseconds"][power - 1]
    settings = settings_for(name, eval={"column": "at", "at_least": given})
    assert why_empty("train", [file], settings).endswith(
        f"`at_least` looks like seconds since 1970, and the column like {unit}: give "
        f"`at_least: {1_700_000_000 * scale}`."
    )


def test_every_rule_and_the_last_file_are_told(write: Callable[..., str]) -> None:
    files = [
        write(name, [{"n": i, "at": first + i} for i in range(5)])
        for name, first in (("a.csv", 10), ("b.csv", 20), ("c.csv", 30))
    ]
    settings = settings_for(
        "a.csv",
        late={"column": "at", "at_least": 15},
        eval={"column": "at", "fraction": 1.0},
    )
    told = why_empty("train", files, settings)
    assert f"late` takes 0 of the first 5 examples of {files[0]}" in told
    assert f"late` takes 5 of the first 5 examples of {files[2]}" in told
    assert "goes from 30 to 34" in told
    assert f"eval` takes 5 of the first 5 examples of {files[0]}, by `frac" in told
    assert "late` takes" not in why_empty("eval", files, settings)
    assert files[1] not in told


@pytest.mark.parametrize("name", [f"a.{form}" for form in FORMATS])
@pytest.mark.parametrize(
    ("split", "fraction", "takes"), [("train", 1, 1000), ("eval", 0, 0)]
)
def test_draw_of_whole_rows_is_told(
    name: str, split: str, fraction: float, takes: int, write: Callable[..., str]
) -> None:
    file = write(name, [{"n": i, "user": f"u{i}"} for i in range(1500)])
    settings = settings_for(name, eval={"fraction": fraction})
    assert why_empty(split, [file], settings) == (
        f"`data.files.held_out.eval` takes {takes:,} of the first 1,000 examples of "
        f"{file}, by `fraction: {float(fraction)}`. Give another fraction."
    )


@pytest.mark.parametrize("name", [f"a.{form}" for form in FORMATS])
def test_sample_draws_the_rows_that_reading_does(
    name: str, write: Callable[..., str]
) -> None:
    file = write(name, [{"n": i, "user": f"u{i}"} for i in range(300)])
    settings = settings_for(name, eval={"fraction": 0.3})
    pieces = sample([file], settings, 100, ["n"])
    found = sampled_split("eval", settings.held_out["eval"], pieces, settings)

    whole = settings_for(name, eval={"fraction": 0.3})
    read = [
        n
        for split, batch in read_unit(Unit(file), whole, BadInput())
        for n in batch.column("n").flatten().to_pylist()
        if split == "eval" and n < 100
    ]
    assert np.flatnonzero(found.takes).tolist() == read
    assert len(found.takes) == 100


def test_what_cannot_be_said_is_not(write: Callable[..., str]) -> None:
    file = write("a.csv", b"n\n1\n")
    assert why_empty("train", [file], settings_for(file)) == ""
    settings = settings_for(file, eval={"column": "absent", "at_least": 1})
    assert why_empty("train", [file], settings) == ""
    assert why_empty("train", [], settings) == ""


def test_reader_of_files_tells_of_its_splits(write: Callable[..., str]) -> None:
    file = write("data/a.csv", b"n,at\n1,7\n2,8\n")
    folder = file.removesuffix("/a.csv")
    reader = FileReader(
        files={
            "format": "csv",
            "splits": {"train": "*.csv", "late": "*.csv"},
            "held_out": {"eval": {"column": "at", "at_least": 3}},
        },
        columns={"n": {"dtype": "int64"}},
    )
    assert "takes 2 of the first 2 examples" in reader.why_empty(folder, "train")
    assert "goes from 7 to 8" in reader.why_empty(folder, "eval")
    assert reader.why_empty(folder, "late") == ""
