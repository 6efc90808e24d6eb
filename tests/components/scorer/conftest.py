"""A published model that reads every kind of column, and rows in files of all formats.

The model has learnt nothing; its weights are large, so that scores differ.
"""

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import yaml
from shardline_tests import load

from shardline.components.exporter.serving_model import ServingModel
from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.scorer.model import Version
from shardline.configs import load_job
from shardline.configs.columns import raw_columns
from shardline.configs.schema import Job

batch_of = load("components/features/analysis/batches.py").batch_of
save_untrained = load("components/exporter/untrained.py").save_untrained

CONFIG: dict[str, Any] = {
    "name": "scored",
    "data": {
        "path": "rows",
        "files": {"format": "csv", "splits": {"train": "*"}},
        "label": "label",
    },
    "features": {
        "item": {"table": "item"},
        "shop": {"table": "shop", "default": "none"},
        "day": {"table": "day", "dtype": "int64", "default": 0},
        "hour": {"table": "hour", "ids": {"range": 24}},
        "tags": {"table": "tag", "combiner": "sum", "weights": "counts"},
        "past": {"table": "item", "max_sequence_length": 3},
    },
    "numbers": {"price": {"missing": "mean", "scale": "z_score"}, "size": {}},
    "tables": {t: {"dim": 4} for t in ("item", "shop", "day", "hour", "tag")},
}
VERSION = 7


def rows_of(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Returns rows, some of whose values are missing; `request` no feature reads."""
    draw = np.random.default_rng(seed)

    def one(number: int) -> dict[str, Any]:
        tags = draw.integers(0, 4)
        return {
            "request": number * 10_000_000_000,
            "label": float(draw.random() < 0.4),
            "item": f"i{draw.integers(15)}",
            "shop": None if draw.random() < 0.3 else f"größe{draw.integers(4)}",
            "day": None if draw.random() < 0.3 else int(draw.integers(-3, 4)),
            "hour": int(draw.integers(24)),
            "tags": [f"t{draw.integers(6)}" for _ in range(tags)],
            "counts": [float(draw.integers(1, 5)) / 4 for _ in range(tags)],
            "past": [f"i{draw.integers(12)}" for _ in range(draw.integers(0, 6))],
            "price": None if draw.random() < 0.2 else float(draw.integers(100)) / 4,
            "size": float(draw.integers(100)) / 8,
        }

    return [one(number) for number in range(count)]


ROWS = rows_of(300)


def example(row: dict[str, Any]) -> bytes:
    """Returns a row as a tf.Example; values that are missing are empty lists."""
    made = tf.train.Example()
    for name, value in row.items():
        values = value if isinstance(value, list) else [] if value is None else [value]
        feature = made.features.feature[name]
        if values and isinstance(values[0], str):
            feature.bytes_list.value.extend(v.encode() for v in values)
        elif values and isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        elif values:
            feature.float_list.value.extend(values)
    return made.SerializeToString()


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "|".join(map(str, value))
    return "" if value is None else str(value)


def write_rows(path: Path, rows: Sequence[dict[str, Any]], file_format: str) -> None:
    """Writes rows as a file."""
    if file_format == "csv":
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(rows[0])
            writer.writerows([_cell(v) for v in row.values()] for row in rows)
    elif file_format == "parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    else:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for row in rows:
                writer.write(example(row))


def read_scores(output: Path) -> pd.DataFrame:
    """Returns the Parquet files of an output, part after part."""
    files = sorted((output / "scores").iterdir())
    return pd.concat([pq.read_table(f).to_pandas() for f in files], ignore_index=True)


@dataclasses.dataclass(frozen=True)
class Served:
    """A serving folder."""

    folder: Path

    @property
    def version(self) -> Version:
        return Version(str(self.folder), VERSION)

    def expected(self, rows: Sequence[dict[str, Any]]) -> np.ndarray:
        """Returns what `serving_default` answers to all rows at once."""
        model = tf.saved_model.load(str(self.folder / str(VERSION)))
        more = -len(rows) % 64
        examples = [example(row) for row in [*rows, *[rows[-1]] * more]]
        answer = model.signatures["serving_default"](examples=tf.constant(examples))
        return answer["scores"].numpy()[: len(rows)]


def job_of(folder: Path, file_format: str = "csv", **files: Any) -> tuple[Path, Job]:
    """Writes the configuration, and returns it."""
    data = CONFIG["data"]
    made = {**data["files"], "format": file_format, **files}
    path = folder / "scored.yaml"
    path.write_text(
        yaml.safe_dump(CONFIG | {"data": data | {"files": made}}, sort_keys=False)
    )
    return path, load_job(path)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The published model. Not to be changed."""
    made = tmp_path_factory.mktemp("scored")
    _, job = job_of(made)
    features, target = job.feature_set, job.data.target
    settings, graph = features.preprocessing(target), str(made / "graph")
    columns = raw_columns(features, target)
    known = [{name: row[name] for name in columns} for row in ROWS[:200]]
    facts = analyze_batches([batch_of(columns, known)], settings, str(made))
    write_transform_graph(graph, settings, facts, str(made))
    output = tft.TFTransformOutput(graph)
    save_untrained(made, features, target, output, hidden_units=[16, 8], factor=40)
    ServingModel(str(made), output).save(str(made / "serving" / str(VERSION)))
    return Served(made / "serving")
