"""Files that have a column in different types give several samples of it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shardline.components.checker.column_sample import ColumnSample
from shardline.components.checker.sampled_columns import column_samples
from shardline.components.readers.files import ReadSettings
from shardline.components.readers.files.sampling import sample
from shardline.configs.column import Column


def samples_of(
    folder: Path, needed: Column, *columns: pa.Array | None
) -> list[ColumnSample]:
    """Writes a file for each column `x`; None is a file without it."""
    files = []
    for i, values in enumerate(columns):
        table = pa.table({"y": [1, 2]} if values is None else {"x": values})
        files.append(str(folder / f"{i}.parquet"))
        pq.write_table(table, files[-1])
    read_settings = ReadSettings("parquet", {"x": needed})
    pieces = sample(files, read_settings, 100, ["x", "y"])
    return column_samples(pieces, "x", needed, read_settings)


@pytest.mark.parametrize(
    ("dtype", "columns", "kinds"),
    [
        ("string", [["a"], ["b"]], ["string"]),
        ("string", [["a"], [1]], ["string", "int64"]),
        ("float", [[1], [1.5]], ["float"]),
        ("string", [[1], [1.5]], ["int64", "float"]),
        ("string", [["a"], pa.nulls(1)], ["string"]),
        ("int64", [pa.array([1], pa.int8()), [1]], ["int64"]),
    ],
)
def test_types_that_go_together_are_one_sample(
    tmp_path: Path, dtype: str, columns: list, kinds: list[str]
) -> None:
    found = samples_of(tmp_path, Column(dtype), *map(pa.array, columns))

    assert [one.kind for one in found] == kinds
    assert sum(rows for one in found for _, rows in one.files) == len(columns)


def test_file_without_the_column_has_no_values_there(tmp_path: Path) -> None:
    (found,) = samples_of(tmp_path, Column("string"), pa.array(["a", "b"]), None)

    assert found.missing == 0.5
    assert len(found.files) == 2


def test_column_of_no_file_has_no_sample(tmp_path: Path) -> None:
    assert samples_of(tmp_path, Column("string"), None) == []
