"""What a job wrote, whoever ran it: examples, vocabularies, moments of numbers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from benchmarks.preprocess.workload import ID_FEATURES, NUMBERS, ROW

_BATCH = 5_000
# The two numbers whose z-scores tell the mean and the deviation they are made with.
_PROBES = (0.0, 2.0**20)


class Outputs:
    """The outputs of one job."""

    def __init__(self, files: Sequence[Path], transform: Path):
        """Names the outputs.

        Args:
            files: gzipped TFRecord files of transformed examples.
            transform: the folder of the transform graph, as WriteTransformFn writes it.
        """
        self._files = sorted(map(str, files))
        self._transform = tft.TFTransformOutput(str(transform))

    def vocabulary(self, name: str) -> bytes:
        """Returns the file of a vocabulary."""
        path = self._transform.vocabulary_file_by_name(name)
        return Path(path).read_bytes()

    def columns(self) -> dict[str, pa.Array]:
        """Returns the examples' columns as lists, in the order of the raw rows."""
        keys = self._keys()
        schema = schema_pb2.Schema()
        for name, key in keys.items():
            kind = schema_pb2.INT if name in ID_FEATURES else schema_pb2.FLOAT
            schema.feature.add(name=key, type=kind)
        decoder = ExamplesToRecordBatchDecoder(schema.SerializeToString())
        serialized = tf.data.TFRecordDataset(self._files, "GZIP").batch(_BATCH)
        batches = [decoder.DecodeBatch(b.numpy().tolist()) for b in serialized]
        table = pa.Table.from_batches(batches)
        rows = table[keys[ROW]].combine_chunks().flatten().to_numpy()
        table = table.take(np.argsort(rows, kind="stable"))
        return {name: table[key].combine_chunks() for name, key in keys.items()}

    def _keys(self) -> dict[str, str]:
        """Returns what examples call each column: of a ragged one, its values."""
        spec = self._transform.transformed_feature_spec()
        names = (*ID_FEATURES, *NUMBERS, ROW)
        return {name: getattr(spec[name], "value_key", name) for name in names}

    def moments(self) -> dict[str, tuple[float, float]]:
        """Returns mean and standard deviation that the graph scales each number by."""
        probed = {name: tf.constant(_PROBES) for name in NUMBERS}
        scaled = self._transform.transform_raw_features(probed)
        moments = {}
        for name in NUMBERS:
            at_zero, far = scaled[name].numpy().astype(np.float64)
            deviation = _PROBES[1] / (far - at_zero)
            moments[name] = (float(-at_zero * deviation), float(deviation))
        return moments
