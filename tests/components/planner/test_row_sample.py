"""The rows that are drawn: by their numbers, whatever the batches."""

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.planner.row_sample import RowSample, row_hashes


def rows(first: int, end: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"row": pa.array(range(first, end))})


def drawn(size: int, ends: list[int], unit: int = 0) -> list[int]:
    sample = RowSample(size)
    for first, end in zip([0, *ends], ends, strict=False):
        sample.add(rows(first, end), unit, first)
    batch = sample.drawn()
    return batch.column("row").to_pylist() if batch is not None else []


@pytest.mark.parametrize("ends", [[1000], [1, 2, 500, 1000], list(range(0, 1001, 10))])
def test_rows_drawn_do_not_depend_on_batches(ends: list[int]) -> None:
    expected = np.argsort(row_hashes(0, np.arange(1000)), kind="stable")[:50]

    assert drawn(50, ends) == expected.tolist()


def test_all_rows_are_drawn_if_they_are_few_and_mixed() -> None:
    few = drawn(50, [20])

    assert sorted(few) == list(range(20))
    assert few != sorted(few)


def test_units_draw_other_rows() -> None:
    assert drawn(50, [1000], unit=1) != drawn(50, [1000], unit=0)


def test_no_row_gives_none() -> None:
    assert RowSample(5).drawn() is None


def test_rows_are_drawn_evenly() -> None:
    parts = np.bincount(np.array(drawn(2000, [20_000])) // 2000, minlength=10)

    assert parts.min() > 140
    assert parts.max() < 260
