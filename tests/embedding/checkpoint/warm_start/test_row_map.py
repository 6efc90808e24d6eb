"""Maps of rows that fit, and what is said of those that do not."""

import numpy as np
import pytest

from shardline.embedding.checkpoint.warm_start import row_map as row_map_module
from shardline.embedding.checkpoint.warm_start.errors import WarmStartError
from shardline.embedding.checkpoint.warm_start.row_map import (
    Copies,
    Means,
    RowMap,
    same_rows,
)


def rows(*numbers):
    return np.array(numbers, np.int64)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_targets_are_the_map_turned_around(monkeypatch, dtype):
    monkeypatch.setattr(row_map_module, "_BLOCK_ROWS", 3)
    random = np.random.default_rng(0)
    sources = np.full(20, -1, dtype)
    sources[random.permutation(20)[:12]] = random.permutation(30)[:12]
    made = RowMap(sources)
    made.check("item", 20, 30)

    targets = made.targets("item", 30)

    assert made.moved == 12
    assert sorted(targets[targets >= 0]) == np.flatnonzero(sources >= 0).tolist()
    for row, source in enumerate(sources):
        assert source < 0 or targets[source] == row


@pytest.mark.parametrize(("new", "old"), [(5, 3), (3, 5), (4, 4)])
def test_same_rows_leave_further_ones_fresh(new, old):
    made = same_rows(new, old)
    made.check("item", new, old)
    kept = min(new, old)
    assert made.sources.tolist() == [*range(kept), *[-1] * (new - kept)]


def test_rows_that_move_from_one_are_refused():
    with pytest.raises(WarmStartError, match=r"two rows move from row 2 .* a copy"):
        RowMap(rows(0, 2, -1, 2)).targets("item", 5)


FAULTS = {
    "rank": (
        RowMap(rows(0)[None]),
        r"must be int32 or int64 \[3\], got int64 \[1, 1\]",
    ),
    "dtype": (RowMap(np.zeros(3)), "got float64"),
    "length": (RowMap(rows(0, 1)), "has 3 rows, and the map tells of 2"),
    "outside": (RowMap(rows(0, 4, -1)), "row 1 comes from row 4, .* rows 0 to 3"),
    "below": (RowMap(rows(0, 1, -2)), "row 2 comes from row -2"),
    "copied": (
        RowMap(rows(0, 1, -1), Copies(rows(2), rows(4))),
        "rows to copy must be 0 to 3, got 4 to 4",
    ),
    "copies": (
        RowMap(rows(0, -1, -1), Copies(rows(1, 2), rows(3))),
        "2 rows are to be copies of 1 rows",
    ),
    "mean_of_none": (
        RowMap(rows(0, 1, -1), means=Means(rows(2))),
        "1 rows are to be the mean of no row",
    ),
    "mean_of_fresh": (
        RowMap(rows(0, -1, -1), means=Means(rows(2), rows(0, 1))),
        "a mean is taken of a fresh row",
    ),
    "mean_outside": (
        RowMap(rows(0, -1, -1), means=Means(rows(2), rows(3))),
        "rows to take the mean of must be 0 to 2",
    ),
    "both": (
        RowMap(rows(0, 1, -1), Copies(rows(1), rows(0))),
        "both moves and begins",
    ),
    "twice": (
        RowMap(rows(0, -1, -1), Copies(rows(1), rows(0)), Means(rows(1), rows(0))),
        "given two values",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_map_that_does_not_fit_is_named(fault):
    made, message = FAULTS[fault]
    with pytest.raises(WarmStartError, match=message):
        made.check("item", 3, 4)
