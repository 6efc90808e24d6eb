"""Batches of transformed examples: ids, weights, labels."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_transform as tft
from tfx.types import Artifact, artifact_utils

from components.features.engine_inputs import engine_inputs
from configs.schema import FeatureSet

_SHUFFLED_EXAMPLES = 100_000


class Batch(NamedTuple):
    """One batch.

    Attributes:
        ids: by feature, as the engine takes them.
        weights: by feature, or None.
        labels: float32 [batch].
        is_example: float32 [batch], 0 for rows that only fill up the last batch.
    """

    ids: dict[str, Any]
    weights: dict[str, Any]
    labels: tf.Tensor
    is_example: tf.Tensor


def split_files(examples: list[Artifact], split: str) -> list[str]:
    """Returns the record files of a split.

    Raises:
        ValueError: if the artifacts have no such split, or it has no file.
    """
    files = sorted(
        file
        for uri in artifact_utils.get_split_uris(examples, split)
        for file in tf.io.gfile.glob(f"{uri}/*")
    )
    if not files:
        raise ValueError(
            f"Split '{split}' of the examples has no files. The reader must give it."
        )
    return files


def records(files: list[str]) -> tf.data.Dataset:
    """Returns the serialized examples of gzipped TFRecord files, in their order."""
    return tf.data.TFRecordDataset(files, compression_type="GZIP")


class BatchReader:
    """Reads batches of one size from transformed examples."""

    def __init__(
        self,
        transform_output: tft.TFTransformOutput,
        features: FeatureSet,
        label: str,
        batch_size: int,
    ):
        """Sets what to read.

        Args:
            transform_output: what the Transform component wrote.
            features: the feature specification.
            label: the column to predict.
            batch_size: examples in each batch.
        """
        self._spec = transform_output.transformed_feature_spec()
        self._features = features
        self._label = label
        self._batch_size = batch_size

    def training_batches(self, files: list[str], seed: int) -> tf.data.Dataset:
        """Returns endless, shuffled, full batches; epochs flow into each other."""
        return (
            records(files)
            .shuffle(_SHUFFLED_EXAMPLES, seed=seed)
            .repeat()
            .batch(self._batch_size, drop_remainder=True)
            .map(self._parse, tf.data.AUTOTUNE)
            .prefetch(tf.data.AUTOTUNE)
        )

    def evaluation_batches(self, files: list[str]) -> tf.data.Dataset:
        """Returns every example once, in order; the last batch is filled up."""
        return filled_batches(records(files), self._batch_size, self._parse)

    def _parse(self, serialized: tf.Tensor) -> Batch:
        transformed = tf.io.parse_example(serialized, self._spec)
        ids, weights = engine_inputs(transformed, self._features)
        labels = tf.ensure_shape(transformed[self._label], [self._batch_size])
        return Batch(ids, weights, labels, tf.ones_like(labels))


def filled_batches(
    serialized: tf.data.Dataset,
    batch_size: int,
    parse: Callable[[tf.Tensor], Batch],
) -> tf.data.Dataset:
    """Returns batches of one size; repeats of its first example fill the last one.

    The engine takes batches of one size only. Fillers have `is_example` 0.

    Args:
        serialized: serialized examples.
        batch_size: examples in each batch.
        parse: turns string [batch_size] into a batch.
    """

    def fill(batch: tf.Tensor) -> Batch:
        size = tf.shape(batch)[0]
        full = tf.concat([batch, tf.repeat(batch[:1], batch_size - size)], axis=0)
        is_example = tf.cast(tf.range(batch_size) < size, tf.float32)
        parsed = parse(tf.ensure_shape(full, [batch_size]))
        return parsed._replace(is_example=is_example)

    return serialized.batch(batch_size).map(fill).prefetch(tf.data.AUTOTUNE)
