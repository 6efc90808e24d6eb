"""Writers of the three formats, from rows or from raw bytes."""

import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

Row = Mapping[str, Any]  # a value, a list of values, or None


def example(row: Row) -> bytes:
    """Serializes a row, each column by the type of its values."""
    features = {}
    for name, value in row.items():
        values = value if isinstance(value, list) else [value]
        values = [v.encode() if isinstance(v, str) else v for v in values]
        if value is None or not values:
            features[name] = tf.train.Feature()
        elif any(isinstance(v, bytes) for v in values):
            features[name] = tf.train.Feature(
                bytes_list=tf.train.BytesList(value=values)
            )
        elif any(isinstance(v, float) for v in values):
            features[name] = tf.train.Feature(
                float_list=tf.train.FloatList(value=values)
            )
        else:
            features[name] = tf.train.Feature(
                int64_list=tf.train.Int64List(value=values)
            )
    made = tf.train.Example(features=tf.train.Features(feature=features))
    return made.SerializeToString(deterministic=True)


def tfrecord(rows: Sequence[Row | bytes], folder: Path) -> bytes:
    """Returns the bytes of a TFRecord file, as TensorFlow writes it."""
    file = str(folder / "written.tmp")
    with tf.io.TFRecordWriter(file) as writer:
        for row in rows:
            writer.write(row if isinstance(row, bytes) else example(row))
    content = Path(file).read_bytes()
    Path(file).unlink()
    return content


def csv(rows: Sequence[Row]) -> bytes:
    """Returns the bytes of a CSV file, lists parted by `|`."""
    names = list(rows[0])
    lines = [",".join(names)]
    for row in rows:
        lines.append(",".join(_cell(row.get(name)) for name in names))
    return ("\n".join(lines) + "\n").encode()


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "|".join(_cell(v) for v in value)
    return "" if value is None else str(value)


def parquet(rows: Sequence[Row] | pa.Table, row_group_size: int = 5) -> bytes:
    """Returns the bytes of a Parquet file."""
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows))
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=row_group_size)
    return sink.getvalue()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a file, from bytes or from rows as its name says."""

    def writer(name: str, content: Any) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = name.removesuffix(".gz").rpartition(".")[2]
        if not isinstance(content, bytes):
            if kind == "tfrecord":
                content = tfrecord(content, path.parent)
            else:
                content = {"csv": csv, "parquet": parquet}[kind](content)
            if name.endswith(".gz"):
                content = gzip.compress(content)
        path.write_bytes(content)
        return str(path)

    return writer
