"""Statistics of examples: computed in Beam, and written as TFX's components take them.

Beam reads TFRecords one by one in Python, which takes longer than all that is computed
of them; TensorFlow reads them in batches.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from typing import Any

import tfx  # noqa: F401  TFDV does not load before it

# isort: split
import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
import tensorflow_data_validation as tfdv
from apache_beam.pvalue import PCollection
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

STATISTICS_FILE = "FeatureStats.pb"

_BATCH = 1000  # as large as Beam lets batches for TFDV grow


class ComputeStatistics(beam.PTransform[Any, Any]):
    """The statistics of files of examples, in one file."""

    def __init__(self, files: Sequence[str], path: str):
        """Sets what to read, and where to write.

        Args:
            files: gzipped TFRecords of tf.Example.
            path: of the file that is written.
        """
        super().__init__()
        self._files = list(files)
        self._path = path

    def expand(self, root: beam.Pipeline) -> Any:
        """Returns nothing that matters.

        Raises:
            FileNotFoundError: if a file is not there.
        """
        for file in self._files:
            if not tf.io.gfile.exists(file):
                raise FileNotFoundError(errno.ENOENT, "there are no examples", file)
        batches: PCollection[pa.RecordBatch] = (
            root
            | "Files" >> beam.Create(self._files)
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.FlatMap(_batches).with_output_types(pa.RecordBatch)
        )
        return (
            batches
            | "Compute" >> tfdv.GenerateStatistics(tfdv.StatsOptions())
            | "Write" >> tfdv.WriteStatisticsToBinaryFile(self._path)
        )


def counted_examples(folder: str) -> int:
    """Returns how many examples statistics are of; 0 if there are none.

    Args:
        folder: that holds their file.
    """
    path = os.path.join(folder, STATISTICS_FILE)
    if not tf.io.gfile.exists(path):
        return 0
    with tf.io.gfile.GFile(path, "rb") as file:
        lists = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read())
    return sum(int(dataset.num_examples) for dataset in lists.datasets)


def _batches(file: str) -> Iterator[pa.RecordBatch]:
    decoder = ExamplesToRecordBatchDecoder()
    records = tf.data.TFRecordDataset(file, "GZIP").batch(_BATCH)
    for batch in records.as_numpy_iterator():
        yield decoder.DecodeBatch(batch.tolist())
