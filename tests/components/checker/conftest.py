"""What the tests of the checker share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shardline.components.checker.column_sample import ColumnSample
from shardline.components.checker.sampled_columns import column_samples
from shardline.components.checker.uses import Use
from shardline.components.readers.files import ReadSettings
from shardline.components.readers.files.sampling import sample
from shardline.configs import load_job
from shardline.configs.column import Column
from shardline.configs.schema import Feature, Job


@pytest.fixture
def sampled(tmp_path: Path) -> Callable[..., tuple[Use, ColumnSample, ReadSettings]]:
    """Writes column `x` and samples it for a feature that reads it."""

    def sampled_column(
        values: list | pa.Array, feature: dict[str, Any], **settings: Any
    ) -> tuple[Use, ColumnSample, ReadSettings]:
        part = Feature(table="x", **feature)
        needed = Column(part.column_dtype, part.is_ragged, True)
        if isinstance(values, pa.Array):
            file = str(tmp_path / "a.parquet")
            pq.write_table(pa.table({"x": values}), file)
            read = ReadSettings("parquet", {"x": needed}, **settings)
        else:
            file = str(tmp_path / "a.csv")
            lines = [f'"{value}"' for value in values]
            Path(file).write_text("\n".join(["x", *lines]))
            read = ReadSettings("csv", {"x": needed}, **settings)
        use = Use("x", "feature `x`", ("features", "x", "column"), "ids", needed, part)
        (sample_of_x,) = column_samples(
            sample([file], read, 100, ["x"]), "x", needed, read
        )
        return use, sample_of_x, read

    return sampled_column


JOB = """\
name: sales
data:
  files: {format: csv, splits: {train: train.csv}}
  path: FOLDER
features:
  item: {table: item}
  tags: {table: tag, combiner: mean, weights: scores}
tables:
  item: {dim: 4}
  tag: {dim: 4}
"""


@pytest.fixture
def job_of(tmp_path: Path) -> Callable[..., Job]:
    """Reads a configuration of CSV files, with pieces of its text replaced."""

    def read(*changes: tuple[str, str]) -> Job:
        text = JOB.replace("FOLDER", str(tmp_path))
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "sales.yaml").write_text(text)
        return load_job(tmp_path / "sales.yaml")

    return read


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., str]:
    """Writes a CSV file, a column of values for each name."""

    def write(name: str, **columns: list[Any]) -> str:
        rows = [list(columns), *zip(*columns.values(), strict=True)]
        text = "".join(",".join(map(str, row)) + "\n" for row in rows)
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write
