"""What reads each format."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shardline.components.readers.files.formats.csv.text import read_csv
from shardline.components.readers.files.formats.parquet import read_parquet
from shardline.components.readers.files.formats.tfrecord import read_tfrecord
from shardline.components.readers.files.raw_batch import RawBatch, ReadTask

READERS: dict[str, Callable[[ReadTask], Iterator[RawBatch]]] = {
    "tfrecord": read_tfrecord,
    "csv": read_csv,
    "parquet": read_parquet,
}
