"""Rows on disk: what was written, in one type, and no file that stays."""

from pathlib import Path

import pyarrow as pa
import pytest

from shardline.components.readers.files.joins.disk_table import (
    DiskTable,
    UnlikeTypesError,
)


def _written(*columns: pa.Array) -> pa.Array:
    disk = DiskTable()
    for column in columns:
        disk.write(pa.RecordBatch.from_arrays([column], ["a"]))
    return disk.columns()["a"]


@pytest.mark.parametrize(
    ("columns", "stored"),
    [
        ([pa.array([1, None]), pa.array([3])], pa.int64()),
        ([pa.array([1], pa.int32()), pa.array([2**40])], pa.int64()),
        ([pa.array([1]), pa.array([2.5]), pa.array([3])], pa.float64()),
        ([pa.array(["a"]), pa.array(["b"], pa.large_string())], pa.large_string()),
        ([pa.array(["a", "b"]).dictionary_encode()], pa.large_string()),
        ([pa.nulls(2), pa.array([[1], []])], pa.large_list(pa.int64())),
        ([pa.array([["a"], None]), pa.nulls(1)], pa.large_list(pa.large_string())),
    ],
)
def test_rows_come_back_in_a_type_that_holds_all(
    columns: list[pa.Array], stored: pa.DataType
) -> None:
    written = _written(*columns)
    assert written.type == stored
    assert written.to_pylist() == [v for column in columns for v in column.to_pylist()]


@pytest.mark.parametrize(
    "columns",
    [
        [pa.array([1]), pa.array(["a"])],
        [pa.array([2**60 + 1]), pa.array([0.5])],
        [pa.array([[1]]), pa.array([1])],
    ],
)
def test_types_that_do_not_go_together_are_refused(columns: list[pa.Array]) -> None:
    with pytest.raises(UnlikeTypesError, match="column `a` holds"):
        _written(*columns)


def test_nothing_stays_in_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    written = _written(pa.array([1, 2]))
    assert list(tmp_path.iterdir()) == []
    assert written.to_pylist() == [1, 2]
