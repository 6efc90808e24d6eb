"""The text of single values, which splits are drawn by."""

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.readers.files.columns.value_texts import has_text, value_texts

MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("values", "stored", "texts"),
    [
        (
            ["17.0", "17.", "17.50", "a.0", "1.2.0", ".5", "-0.0"],
            pa.large_binary(),
            ["17", "17", "17.5", "a.0", "1.2.0", ".5", "-0"],
        ),
        (["x", "17"], pa.string(), ["x", "17"]),
        ([17.0, 0.1, 1e300], pa.float64(), ["17", "0.1", "1e+300"]),
        ([np.float32(0.1)], pa.float32(), ["0.1"]),
        ([MOMENT], pa.timestamp("ms"), ["2026-01-02 03:04:05"]),
        ([True], pa.bool_(), ["true"]),
        ([{"a": 1.0}], pa.struct([("a", pa.float64())]), ["{'a': 1.0}"]),
        ([], pa.null(), []),
    ],
)
def test_number_and_its_text_are_the_same(
    values: list[Any], stored: pa.DataType, texts: list[str]
) -> None:
    found = value_texts(pa.array(values, stored))
    assert found.type == pa.large_binary()
    assert [text.decode() for text in found.to_pylist()] == texts


@pytest.mark.parametrize(
    ("stored", "has"),
    [
        (pa.int8(), True),
        (pa.binary(), True),
        (pa.date32(), True),
        (pa.decimal128(9, 2), True),
        (pa.struct([("a", pa.int8())]), False),
        (pa.map_(pa.string(), pa.int8()), False),
    ],
)
def test_single_values_have_a_text(stored: pa.DataType, has: bool) -> None:
    assert has_text(stored) == has
