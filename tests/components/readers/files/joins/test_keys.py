"""Keys in the form in which they are compared, and their hashes."""

import datetime
import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.readers.files.joins.keys import (
    are_inexact,
    are_keys,
    hashes_of,
    key_texts,
)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(pa.array([17, -3, 2**60]), ["17", "-3", str(2**60)], id="int"),
        pytest.param(
            pa.array([17.0, -0.0, 123456789012345.0, 0.5]),
            ["17", "0", "123456789012345", "0.5"],
            id="double",
        ),
        pytest.param(pa.array([17.0], pa.float32()), ["17"], id="float"),
        pytest.param(
            pa.array([decimal.Decimal("17.00"), decimal.Decimal("1.50")]),
            ["17", "1.5"],
            id="decimal",
        ),
        pytest.param(
            pa.array(["17", "17.0", "17.", " 17 ", "0017", "a b ", "007.5"]),
            ["17", "17", "17", "17", "0017", "a b ", "007.5"],
            id="text",
        ),
        pytest.param(pa.array(["ü", "日"]), ["ü", "日"], id="unicode"),
        pytest.param(pa.array([datetime.date(2026, 1, 2)]), ["2026-01-02"], id="date"),
    ],
)
def test_equal_keys_have_one_text(values: pa.Array, expected: list[str]) -> None:
    assert key_texts(values).to_pylist() == [text.encode() for text in expected]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, float("nan")], [True, False]),
        (["a", ""], [True, False]),
        ([0, 1], [True, True]),
    ],
)
def test_nan_and_empty_text_are_no_keys(values: Any, expected: list[bool]) -> None:
    assert are_keys(pa.array(values)).tolist() == expected


def test_floats_that_stand_for_several_whole_numbers_are_told() -> None:
    numbers = [2.0**24 - 1, 2.0**24, 2.0**53 - 1, 2.0**53]
    assert are_inexact(pa.array(numbers)).tolist() == [False, False, False, True]
    short = pa.array(numbers[:2], pa.float32())
    assert are_inexact(short).tolist() == [False, True]
    assert not are_inexact(pa.array([2**60])).any()


def test_hashes_differ_and_do_not_depend_on_where_a_key_lies() -> None:
    texts = [b"", b"a", b"a\0", b"\0a", b"aaaaaaaa", b"aaaaaaaaa", b"x" * 100]
    texts += [str(n).encode() for n in range(100_000)]
    keys = pa.array(texts, pa.large_binary())
    hashes = hashes_of(keys)
    assert len(np.unique(hashes)) == len(texts)
    assert hashes_of(keys.slice(5, 20)).tolist() == hashes[5:25].tolist()
    assert hashes_of(pa.array([], pa.large_binary())).tolist() == []
