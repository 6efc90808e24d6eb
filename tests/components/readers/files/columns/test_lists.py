"""Values of rows in one flat array, from single values and lists of any depth."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.readers.files.columns.lists import (
    any_of,
    is_list,
    joined,
    listed,
    offsets_of,
)

CASES: dict[str, tuple[pa.Array, list[int], list[Any], list[bool]]] = {
    "single": (pa.array([1, None, 3]), [1, 0, 1], [1, 3], [False] * 3),
    "lists": (pa.array([[1, 2], [], None]), [2, 0, 0], [1, 2], [False] * 3),
    "hole": (pa.array([[1, None], [2]]), [1, 1], [1, 2], [True, False]),
    "fixed": (
        pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2)),
        [2, 2],
        [1, 2, 3, 4],
        [False] * 2,
    ),
    "nested": (
        pa.array([[[1], [2, None]], [[3]]]),
        [2, 1],
        [1, 2, 3],
        [True, False],
    ),
    "dictionary": (
        pa.array(["a", "b", "a"]).dictionary_encode(),
        [1, 1, 1],
        ["a", "b", "a"],
        [False] * 3,
    ),
    "none": (pa.array([], pa.int64()), [], [], []),
}


@pytest.mark.parametrize("case", CASES)
def test_values_lie_flat_with_their_rows(case: str) -> None:
    array, lengths, values, holed = CASES[case]

    lists = listed(array)

    assert lists.lengths.tolist() == lengths
    assert lists.values.to_pylist() == values
    assert lists.holed.tolist() == holed


def test_slice_has_its_own_values() -> None:
    assert listed(pa.array([[1], [2, 3], [4]]).slice(1, 1)).values.to_pylist() == [2, 3]


def test_rows_are_found_by_positions_of_values() -> None:
    lists = listed(pa.array([["a", "b"], [], ["c" * 99]]))

    assert lists.row_of(np.array([0, 1, 2])).tolist() == [0, 0, 2]
    assert lists.shown(0) == "'a'"
    assert "... (99 characters)" in lists.shown(2)


def test_parts_are_joined_row_by_row() -> None:
    parts = [listed(pa.array(rows)) for rows in ([[1, 2]], [[3], [None, 4]])]

    whole = joined(parts)

    assert whole.lengths.tolist() == [2, 1, 1]
    assert whole.values.to_pylist() == [1, 2, 3, 4]
    assert whole.holed.tolist() == [False, False, True]
    assert joined(parts[:1]) is parts[0]


def test_flags_are_of_a_row_if_one_of_its_values_has_one() -> None:
    offsets = offsets_of(np.array([2, 0, 1]))

    assert offsets.tolist() == [0, 2, 2, 3]
    assert any_of(np.array([False, True, False]), offsets).tolist() == [
        True,
        False,
        False,
    ]


def test_types_of_lists_are_told_from_others() -> None:
    lists = [pa.list_(pa.int8()), pa.large_list(pa.int8()), pa.list_(pa.int8(), 2)]

    assert all(is_list(stored) for stored in lists)
    assert not is_list(pa.string())
