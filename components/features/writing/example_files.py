"""Files of transformed examples: TFRecord of tf.Example, or Parquet.

A file has a name of its own while it is written. `finish` gives it its final name,
`discard` removes it.
"""

from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders import example_coder

from shardline.components.features.writing.atomic_file import AtomicFile

# Of zlib: a quarter of the time of its default level, files a third larger.
_COMPRESSION_LEVEL = 1


class Writer(Protocol):
    """Writes the transformed examples of one unit of work."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds the examples of a batch."""

    def finish(self) -> None:
        """Gives the file its final name."""

    def discard(self) -> None:
        """Removes what was written."""


class Encoding:
    """How transformed batches become rows of a file."""

    def __init__(self, schema: schema_pb2.Schema) -> None:
        """Derives it from the schema of transformed examples."""
        self.examples = example_coder.RecordBatchToExamplesEncoder(schema)
        self.single = {f.name for f in schema.feature if f.HasField("shape")}


def new_writer(file_format: str, path: str, encoding: Encoding) -> Writer:
    """Returns a writer.

    Args:
        file_format: "tfrecord" or "parquet".
        path: the path of the file, without the ending that names its file_format.
        encoding: the encoding of the batches to come.
    """
    kind = ParquetWriter if file_format == "parquet" else TFRecordWriter
    return kind(path, encoding)


class TFRecordWriter:
    """Writes gzipped TFRecords of tf.Example."""

    def __init__(self, path: str, encoding: Encoding) -> None:
        """Opens a file.

        Args:
            path: without the ending ".gz".
            encoding: the encoding of the batches to come.
        """
        self._file = AtomicFile(f"{path}.gz")
        self._encoder = encoding.examples
        options = tf.io.TFRecordOptions("GZIP", compression_level=_COMPRESSION_LEVEL)
        self._writer = tf.io.TFRecordWriter(self._file.written, options)

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds the examples of a batch."""
        for example in self._encoder.encode(batch):
            self._writer.write(example)

    def finish(self) -> None:
        """Gives the file its final name."""
        self._writer.close()
        self._file.rename()

    def discard(self) -> None:
        """Removes what was written."""
        self._writer.close()
        self._file.remove()


class ParquetWriter:
    """Writes Parquet: a list column for what is ragged, else one value a row."""

    def __init__(self, path: str, encoding: Encoding) -> None:
        """Opens a file.

        Args:
            path: without the ending ".parquet".
            encoding: the encoding of the batches to come.
        """
        self._single = encoding.single
        self._file = AtomicFile(f"{path}.parquet")
        self._sink: Any = None
        self._writer: Any = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds the examples of a batch."""
        plain = self._plain(batch)
        if self._writer is None:
            self._sink = self._file.open()
            self._writer = pq.ParquetWriter(self._sink, plain.schema)
        self._writer.write_batch(plain)

    def finish(self) -> None:
        """Gives the file its final name."""
        self._close()
        self._file.rename()

    def discard(self) -> None:
        """Removes what was written."""
        self._close()
        self._file.remove()

    def _plain(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Takes columns of one value a row out of their lists."""
        columns = {
            name: column.flatten() if name in self._single else column
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }
        return pa.RecordBatch.from_pydict(columns)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._sink.close()
