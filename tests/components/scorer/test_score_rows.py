"""Rows of output hold one value or none of each kept column."""

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shardline.components.scorer.score_rows import score_rows

_DAY = datetime.date(2026, 11, 30)
_CASES = [
    (pa.large_binary(), "größe".encode(), "größe", ["größe".encode()]),
    (pa.int64(), 2**53 + 1, 2**53 + 1, [2**53 + 1]),
    (pa.uint8(), 200, 200, [200]),
    (pa.bool_(), True, True, [1]),
    (pa.float64(), 0.1, 0.1, [float(np.float32(0.1))]),
    (pa.date32(), _DAY, _DAY, [b"2026-11-30"]),
]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(("kind", "value", "plain", "listed"), _CASES)
def test_values_of_each_type(
    kind: pa.DataType, value: Any, plain: Any, listed: list[Any], first: int
) -> None:
    column = pa.array([[value], [], [value]], pa.large_list(kind))
    batch = pa.RecordBatch.from_pydict({"kept": column, "other": column}).slice(first)
    scores = np.float32([0.25, 0.5, 0.75])[first:]

    parquet = score_rows(batch, ["kept"], scores, "parquet").to_pydict()
    examples = score_rows(batch, ["kept"], scores, "tfrecord").to_pydict()

    assert parquet == {"kept": [plain, None, plain][first:], "score": scores.tolist()}
    assert examples == {
        "kept": [listed, None, listed][first:],
        "score": [[score] for score in scores.tolist()],
    }


@pytest.mark.parametrize("file_format", ["parquet", "tfrecord"])
def test_column_without_any_value(file_format: str) -> None:
    column = pa.array([[], []], pa.large_list(pa.large_binary()))
    batch = pa.RecordBatch.from_pydict({"kept": column})

    rows = score_rows(batch, ["kept"], np.float32([0, 1]), file_format)

    assert rows.column("kept").to_pylist() == [None, None]
