"""Limits of a SparseCore on batches written out."""

import numpy as np
import pytest

from shardline.components.planner.limits import FeatureRows, batches_of, limits_of


def feature(*rows: list[int]) -> FeatureRows:
    ids = np.array([one for row in rows for one in row], np.int64)
    return FeatureRows(ids, np.array([len(row) for row in rows], np.int64))


def limits(
    features: list[FeatureRows],
    batches: list[tuple[int, int]],
    cores: int,
) -> tuple[int, int]:
    found = limits_of(features, batches, cores)
    return found.max_ids_per_partition, found.max_unique_ids_per_partition


def test_rows_are_shared_out_to_cores_in_runs() -> None:
    # Core 0 has rows 0 and 1, with three even ids, two of them the same.
    ids = feature([0], [0, 2], [1], [4])

    assert limits([ids], [(0, 4)], 2) == (3, 2)


def test_one_core_has_the_whole_batch() -> None:
    assert limits([feature([0], [0, 2], [1], [4])], [(0, 4)], 1) == (5, 4)


def test_id_that_a_row_has_twice_is_one() -> None:
    assert limits([feature([3, 3, 3], [3])], [(0, 2)], 1) == (2, 1)


def test_id_that_a_sequence_has_twice_is_two() -> None:
    sequence = feature([3, 3, 3], [3])._replace(is_sequence=True)

    assert limits([sequence], [(0, 2)], 1) == (4, 1)


def test_rows_that_cores_do_not_divide_leave_the_last_core_less() -> None:
    # Two rows each for the first two cores, one for the third.
    assert limits([feature([0], [3], [6], [9], [0])], [(0, 5)], 3) == (2, 2)


def test_features_of_a_table_count_together() -> None:
    assert limits([feature([1], [1]), feature([1, 2], [])], [(0, 2)], 1) == (4, 2)


def test_busiest_batch_decides() -> None:
    ids = feature([1], [2], [5, 6, 7], [8])

    assert limits([ids], [(0, 2), (2, 4)], 1) == (4, 4)


def test_batch_without_ids_needs_nothing() -> None:
    assert limits([feature([], [])], [(0, 2)], 4) == (0, 0)


@pytest.mark.parametrize(
    ("rows", "size", "expected"),
    [
        (10, 5, [(0, 5), (5, 10)]),
        (11, 5, [(0, 5), (5, 10)]),
        (3, 5, [(0, 3)]),
    ],
)
def test_only_whole_batches_count_unless_there_is_none(
    rows: int, size: int, expected: list[tuple[int, int]]
) -> None:
    assert batches_of(rows, size) == expected
