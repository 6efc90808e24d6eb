"""Small files of examples, and a job that reads them."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_transform as tft

from shardline.components.execution.beam_runners import beam_runner
from shardline.components.features.reading.sources import Examples, sources_below
from shardline.components.features.standalone import (
    StandaloneReport,
    preprocess_standalone,
)
from shardline.components.readers.files import settings_of
from shardline.configs.schema import (
    Data,
    Feature,
    FeatureSet,
    Files,
    Ids,
    Number,
    Preprocessing,
    Table,
)

FEATURES = FeatureSet(
    features={
        "user": Feature(table="user"),
        "tags": Feature(table="tag", combiner="sum"),
        "bucket": Feature(table="bucket", column="x", ids=Ids(quantile_buckets=3)),
        "age": Feature(table="age", ids=Ids(range=100)),
    },
    numbers={"x": Number(scale="z_score")},
    tables={t: Table(dim=1) for t in ("user", "tag", "bucket", "age")},
)


def row_of(number: int) -> dict[str, Any]:
    """Returns a row that `age` and `day` tell from others."""
    return {
        "label": number % 2,
        "user": f"u{number * number % 11}",
        "tags": [f"t{n}" for n in range(number % 4)],
        "x": float(number % 7) + 0.5,
        "age": number % 100,
        "day": number // 100,
    }


def files_of(**changes: Any) -> Files:
    """Returns a data section of CSV files, with changes."""
    return Files(**{"format": "csv", "splits": {"train": "train*"}} | changes)


@dataclass(frozen=True)
class Source:
    """A folder of files, and how they are read.

    Attributes:
        folder: of the files.
        files: how they are read.
        features: what is read.
    """

    folder: Path
    files: Files
    features: FeatureSet = FEATURES

    @property
    def preprocessing(self) -> Preprocessing:
        """The part of the specification that a job takes."""
        return self.features.preprocessing(self._data.target)

    @property
    def examples(self) -> Examples:
        """The files and the settings."""
        sources = [
            source
            for split, pattern in self.files.splits.items()
            for source in sources_below(str(self.folder), split, pattern)
        ]
        return Examples(tuple(sources), settings_of(self._data, self.features))

    @property
    def _data(self) -> Data:
        return Data(path=str(self.folder), files=self.files)


@dataclass(frozen=True)
class Done:
    """A job that has ended well.

    Attributes:
        report: what became of it.
        output: its folder.
    """

    report: StandaloneReport
    output: Path

    def rows(self, split: str) -> list[dict[str, Any]]:
        """Returns the transformed examples of a split, read as TensorFlow does."""
        graph = tft.TFTransformOutput(str(self.output / "transform_graph"))
        files = sorted(map(str, self.output.glob(f"examples/{split}/*")))
        records = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
        if not records:
            return []
        parsed = tf.io.parse_example(records, graph.transformed_feature_spec())
        columns = {
            name: v.to_list() if hasattr(v, "to_list") else v.numpy().tolist()
            for name, v in parsed.items()
        }
        return [
            {name: values[n] for name, values in columns.items()}
            for n in range(len(records))
        ]

    def by_age(self, split: str) -> dict[int, dict[str, Any]]:
        """Returns the examples of a split by age, each of which is there once."""
        rows = self.rows(split)
        found = {row["age"]: row for row in rows}
        assert len(found) == len(rows)
        return found

    def vocabulary(self, table: str) -> bytes:
        """Returns the file of a table's tokens."""
        return (
            self.output / "transform_graph/transform_fn/assets" / table
        ).read_bytes()

    def told(self) -> Any:
        """Returns the report that lies in the folder."""
        return json.loads((self.output / "report.json").read_text())


ONE_THREAD = ("--direct_running_mode=in_memory", "--direct_num_workers=1")


def run_in(folder: Path, source: Source, *options: str, **arguments: Any) -> Done:
    """Runs a job alone, into a new folder of a folder unless `output` is given."""
    made = len(list(folder.glob("output-*")))
    output = arguments.pop("output", folder / f"output-{made}")
    report = preprocess_standalone(
        source.examples,
        source.preprocessing,
        beam_runner("direct", options or ONE_THREAD),
        output=str(output),
        file_formats=arguments.pop("file_formats", ["tfrecord"]),
        **arguments,
    )
    return Done(report, output)


@pytest.fixture
def run_standalone(tmp_path: Path) -> Callable[..., Done]:
    """Runs a job alone, into a folder of its own."""
    return functools.partial(run_in, tmp_path)


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns rows as CSV, lists parted by `|`."""
    lines = [",".join(rows[0])]
    for row in rows:
        cells = ["|".join(v) if isinstance(v, list) else str(v) for v in row.values()]
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def csv_in(folder: Path, **ranges: range) -> Path:
    """Writes CSV files of numbered rows below a folder; returns theirs."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    for name, numbers in ranges.items():
        rows = [row_of(number) for number in numbers]
        (data / f"{name.replace('_', '-')}.csv").write_text(csv_text(rows))
    return data


@pytest.fixture
def csv_files(tmp_path: Path) -> Callable[..., Path]:
    """Writes CSV files of numbered rows into a folder."""
    return functools.partial(csv_in, tmp_path)
