"""Files of two splits and a configuration that reads them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from shardline.components.checker.report import Report

ROWS = 12
CONFIG = """\
name: files
data:
  path: FOLDER
  files: {format: FORMAT, splits: {train: 'train-*', late: 'late-*'}}
  label: label
features:
  item: {table: item}
numbers:
  age: {}
tables:
  item: {dim: 4}
"""
TRAINING = {
    "tables:": "training: {batch_size: BATCH, epochs: 1}\nevaluation: {min_auc: 0}\n"
    "tables:",
    "late: 'late-*'": "eval: 'late-*'",
}
FORMS = ("csv", "tfrecord", "parquet")
Columns = Mapping[str, Sequence[Any]]


def good(rows: int = ROWS) -> dict[str, list[Any]]:
    return {
        "item": [f"i{i % 5}" for i in range(rows)],
        "age": [20.5 + i for i in range(rows)],
        "label": [i % 2 for i in range(rows)],
    }


def content_of(columns: Columns, form: str, path: Path) -> None:
    if form == "parquet":
        pq.write_table(pa.table(dict(columns)), path)
        return
    rows = list(zip(*columns.values(), strict=True))
    if form == "csv":
        lines = [",".join(map(str, row)) for row in [tuple(columns), *rows]]
        path.write_text("".join(f"{line}\n" for line in lines))
        return
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in rows:
            example = tf.train.Example()
            for name, value in zip(columns, row, strict=True):
                feature = example.features.feature[name]
                if isinstance(value, str):
                    feature.bytes_list.value.append(value.encode())
                else:
                    feature.float_list.value.append(value)
            writer.write(example.SerializeToString())


def faults(report: Report) -> list[str]:
    return [located.text.partition(": ")[2] for located in report.faults]
