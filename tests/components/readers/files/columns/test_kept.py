"""Kept columns have the values that a file has."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.readers.files.columns.kept import kept_column
from shardline.components.readers.files.columns.lists import listed
from shardline.components.readers.files.judging.bad_input import BadInput, RowFaults


def faults_of(rows: int) -> RowFaults:
    return RowFaults(BadInput("skip", "skip"), rows, "file", lambda row: row, "row")


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array(["a", None, "ü"]), [[b"a"], [], ["ü".encode()]]),
        (pa.array(["a", "a", None]).dictionary_encode(), [[b"a"], [b"a"], []]),
        (pa.array([1, None, 3], pa.int16()), [[1], [], [3]]),
        (pa.array([2**63, 1, 2], pa.uint64()), [[str(2**63).encode()], [b"1"], [b"2"]]),
        (pa.array([0.5, None, float("nan")]), [[0.5], [], [float("nan")]]),
        (pa.array([[1], [], None]), [[1], [], []]),
        (pa.nulls(3), [[], [], []]),
    ],
)
def test_values_are_those_of_the_file(array: pa.Array, expected: list[Any]) -> None:
    faults = faults_of(3)

    found = kept_column("a", listed(array), faults, is_text=False)

    np.testing.assert_equal(found.to_pylist(), expected)
    assert faults.good.all()


@pytest.mark.parametrize(
    ("array", "good"),
    [
        (pa.array([[1.5], [1.5, 2.5]]), [True, False]),
        (pa.array([["a"], ["a", "b"]]), [True, False]),
        (pa.array([b"\xff", b"a"], pa.binary()), [False, True]),
    ],
)
def test_rows_that_cannot_be_kept_are_marked(array: pa.Array, good: list[bool]) -> None:
    faults = faults_of(2)

    kept_column("a", listed(array), faults, is_text=False)

    assert faults.good.tolist() == good


def test_cells_of_csv_are_text() -> None:
    cells = pa.array([b"17", None, b" x"], pa.large_binary())

    found = kept_column("a", listed(cells), faults_of(3), is_text=True)

    assert found.to_pylist() == [[b"17"], [], [b" x"]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([[17], []]), [[b"17"], []]),
        (pa.array([[17.0], [0.5]], pa.large_list(pa.float32())), [[b"17"], [b"0.5"]]),
        (pa.array([[b"x"], [b"17"]]), [[b"x"], [b"17"]]),
        (pa.nulls(2), [[], []]),
    ],
)
def test_numbers_become_text_where_each_row_has_a_type_of_its_own(
    values: pa.Array, expected: list[Any]
) -> None:
    found = kept_column("a", listed(values), faults_of(2), is_text=False, as_text=True)

    assert found.type.value_type == pa.large_binary()
    assert found.to_pylist() == expected
