"""What a sample has in a column: types, missing values, locations."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from shardline.components.checker.column_sample import class_of, first_text
from shardline.configs.column import Column

INT, FLOAT, STRING = Column("int64"), Column("float"), Column("string")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "b"], "string"),
        (["1", "2"], "int64"),
        (["1", "2.5"], "float"),
        ([str(2**70)], "int"),
        (pa.array([1.5]), "float"),
        (pa.array([b"\xff"]), "not UTF-8"),
        (pa.nulls(2), "nothing"),
        (pa.array([2**63], pa.uint64()), "uint64"),
    ],
)
def test_kind_is_what_the_values_are(
    sampled: Callable[..., Any], values: list | pa.Array, kind: str
) -> None:
    _, sample, _ = sampled(values, {})

    assert sample.kind == kind


@pytest.mark.parametrize(
    ("values", "needed", "fits"),
    [
        (["1", "x", "2", "3"], INT, True),  # single rows are told of by themselves
        (["1", "x", "y", "z"], INT, False),
        (["1.5", "2.5"], INT, False),
        (["1.5", "x", "2", "3"], FLOAT, True),
        (["a", "b"], FLOAT, False),
        (["a", "b"], STRING, True),
        (pa.array(["1"]), INT, False),
        (pa.array([1]), STRING, False),
        (pa.nulls(2), INT, True),
    ],
)
def test_column_fits_if_most_values_are_of_the_type(
    sampled: Callable[..., Any], values: list | pa.Array, needed: Column, fits: bool
) -> None:
    _, sample, _ = sampled(values, {})

    assert sample.fits(needed) is fits


def test_column_with_an_odd_name_does_not_fit_either(
    sampled: Callable[..., Any],
) -> None:
    _, sample, _ = sampled(["1", "x", "y", "z"], {})

    assert not dataclasses.replace(sample, name="a\x1b").fits(INT)


def test_missing_values_are_counted_with_nan(sampled: Callable[..., Any]) -> None:
    _, sample, _ = sampled(pa.array([1.0, None, float("nan"), 2.0]), {})

    assert sample.missing == 0.5
    assert sample.distinct == 2
    assert sample.values_a_row == (0, 1)
    assert sample.example == "1.0"


def test_location_of_a_value_is_its_file_and_row(sampled: Callable[..., Any]) -> None:
    _, sample, _ = sampled(pa.array([["a", "b"], [], ["c"]]), {"combiner": "sum"})
    (file, _), *_ = sample.files

    assert sample.location_of_value(2) == f"{file}, example 3"
    with pytest.raises(IndexError):
        sample.location_of(3)


def test_converted_values_leave_out_bad_rows(sampled: Callable[..., Any]) -> None:
    _, sample, _ = sampled(["1", "x"], {"dtype": "int64"})

    lists, bad = sample.converted(INT)

    assert lists.values[0].as_py() == 1
    assert bad.rows == {"column `x` does not hold one int64": 1}


def test_long_text_is_cut() -> None:
    assert first_text(pa.array(["x" * 30]), 10) == "xxxxxxx..."
    assert first_text(pa.array([], pa.string())) == ""


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        (pa.int8(), "int64"),
        (pa.bool_(), "int64"),
        (pa.decimal128(5, 2), "float"),
        (pa.large_string(), "string"),
        (pa.date32(), "date32[day]"),
    ],
)
def test_class_of_a_stored_type(stored: pa.DataType, name: str) -> None:
    assert class_of(stored) == name
