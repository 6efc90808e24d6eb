"""What tables hold, in a few numbers, against numpy."""

import numpy as np
import pytest

from shardline.embedding.checkpoint.sets.chain import chain_readers
from shardline.embedding.checkpoint.sets.inspection import summaries


def summarized(training) -> dict:
    readers = chain_readers(training.folder, training.newest)
    return {f"{one.table}/{one.tensor}": one for one in summaries(readers)}


def test_numbers_are_those_of_numpy(made_sets, tmp_path) -> None:
    training = made_sets.training(tmp_path, hosts=3, item=23, user=5)
    training.save(10)
    training.touch(item=[0, 8, 9, 22], user=[4])
    training.touch(item=[8])

    found = summarized(training)

    assert list(found) == [
        "item/parameters",
        "item/accumulators",
        "user/parameters",
        "user/accumulators",
    ]
    for name, one in found.items():
        table, _, tensor = name.partition("/")
        rows = training.tables[table][tensor]
        assert [one.rows, one.dim] == list(rows.shape)
        assert one.norm == pytest.approx(np.linalg.norm(rows.astype(np.float64)))
        assert (one.least, one.greatest) == (rows.min(), rows.max())
        assert one.nans == one.infinities == 0


def test_values_that_are_not_finite_are_counted_and_left_out(
    made_sets, tmp_path
) -> None:
    training = made_sets.training(tmp_path, item=9)
    rows = training.tables["item"]["parameters"]
    rows[:] = 2
    rows[1, 1] = rows[8, 0] = np.nan
    rows[4] = [np.inf, -np.inf, -3]
    training.tables["item"]["accumulators"][:] = np.nan
    training.save(10)

    found = summarized(training)

    one = found["item/parameters"]
    assert (one.nans, one.infinities) == (2, 2)
    assert (one.least, one.greatest) == (-3, 2)
    assert one.norm == pytest.approx(np.sqrt(9 + 22 * 4))
    empty = found["item/accumulators"]
    assert (empty.nans, empty.least, empty.greatest, empty.norm) == (27, None, None, 0)
