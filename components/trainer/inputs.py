"""Batches of transformed examples: ids, weights, numbers, labels, example weights.

Records are shuffled one by one, which keeps memory flat. To shuffle whole windows took
a quarter less work here, and made the heap grow with every window.

A training that goes on leaves out what it has read: whole epochs at once, and of the
epoch that it was in the records, which are read and shuffled again but not parsed.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf
from tfx.types import Artifact, artifact_utils

from shardline.components.features.graph.outputs import EXAMPLE_WEIGHT
from shardline.components.model.engine_inputs import engine_inputs, number_inputs
from shardline.components.trainer.shares import Distribute, Share, undistributed
from shardline.configs.schema import FeatureSet, Target
from shardline.configs.shown import shown

_SHUFFLED_EXAMPLES = 100_000
# Read ahead of parsing, for the time in which an epoch's shuffle fills its buffer.
_READ_AHEAD_EXAMPLES = 32_768
_COUNTED_AT_ONCE = 1024


class Batch(NamedTuple):
    """One batch.

    Attributes:
        ids: the ids by feature, as the engine takes them.
        weights: the weights by feature, or None.
        numbers: by name, float32 [batch]; no learnt embedding, they go straight to the
            dense model.
        labels: float32 [batch].
        example_weights: float32 [batch], how much each example counts.
        is_example: float32 [batch], 0 for rows that only fill up the last batch.
    """

    ids: dict[str, Any]
    weights: dict[str, Any]
    numbers: dict[str, tf.Tensor]
    labels: tf.Tensor
    example_weights: tf.Tensor
    is_example: tf.Tensor


class ReadingPosition(NamedTuple):
    """How far training has read.

    Attributes:
        epoch: the epoch, counted from 0.
        examples: how many examples of it were read.
    """

    epoch: int = 0
    examples: int = 0

    @classmethod
    def after(cls, read: int, examples: int) -> "ReadingPosition":
        """Returns the position once so many examples have been read.

        Args:
            read: how many were read, over all epochs.
            examples: how many there are in an epoch.
        """
        return cls(*divmod(read, examples))


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


def records(
    files: list[str] | tf.data.Dataset, compression: str = "GZIP"
) -> tf.data.Dataset:
    """Returns the serialized examples of TFRecord files, in their order.

    Args:
        files: paths.
        compression: "GZIP", "ZLIB" or "" for none.
    """
    return tf.data.TFRecordDataset(files, compression)


class BatchReader:
    """Reads batches of one size from examples."""

    def __init__(
        self,
        spec: Mapping[str, Any],
        feature_set: FeatureSet,
        target: Target,
        batch_size: int,
        *,
        compression: str = "GZIP",
        distribute: Distribute = undistributed,
    ):
        """Sets what to read.

        Args:
            spec: what the records hold, as `tf.io.parse_example` takes it: ids of the
                features, their weights, numbers, the label, and the example weight if
                the target has one.
            feature_set: the id features, numbers and tables.
            target: what to predict, and whether examples are weighted.
            batch_size: examples in each batch.
            compression: the compression of the files: "GZIP", "ZLIB" or "" for none.
            distribute: gives each host its share, where several devices learn from one
                batch.
        """
        self._spec = dict(spec)
        self._feature_set = feature_set
        self._target = target
        self._batch_size = batch_size
        self._compression = compression
        self._distribute = distribute

    def training_batches(
        self, files: list[str], seed: int, start: ReadingPosition | None = None
    ) -> Iterable[Batch]:
        """Returns endless, shuffled, full batches; epochs flow into each other.

        The order of an epoch follows from the seed and the epoch's number alone: each
        reads the files in another order. It depends neither on cores nor on speed, nor
        on where reading starts.

        Args:
            files: paths.
            seed: decides the order.
            start: the first example, for a training that goes on; None: the first of
                all.
        """
        first, examples = start or ReadingPosition()
        already_read = tf.constant(examples, tf.int64)

        def read(epoch: tf.Tensor) -> tf.data.Dataset:
            skipped = tf.where(tf.equal(epoch, first), already_read, 0)
            return self._epoch(files, seed, epoch).skip(skipped)

        def share_of(share: Share) -> tf.data.Dataset:
            epochs = tf.data.Dataset.range(first, tf.int64.max).flat_map(read)
            return (
                share.of(epochs.batch(self._batch_size, drop_remainder=True))
                .prefetch(max(1, _READ_AHEAD_EXAMPLES // self._batch_size))
                .map(self._parse, tf.data.AUTOTUNE)
                .prefetch(tf.data.AUTOTUNE)
            )

        return self._distribute(share_of)

    def _epoch(self, files: list[str], seed: int, epoch: tf.Tensor) -> tf.data.Dataset:
        """Returns the records of an epoch in their order; traced as a function."""
        # Datasets mix the seed of their graph into their own.
        tf.compat.v1.set_random_seed(1)
        of_files, of_examples = tf.unstack(
            tf.random.stateless_uniform(
                [2],
                [seed, epoch],
                minval=None,
                maxval=None,
                dtype=tf.int64,
                alg="philox",
            )
        )
        ordered = tf.data.Dataset.from_tensor_slices(files)
        ordered = ordered.shuffle(len(files), of_files)
        return records(ordered, self._compression).shuffle(
            _SHUFFLED_EXAMPLES, of_examples
        )

    def evaluation_batches(self, files: list[str]) -> Iterable[Batch]:
        """Returns every example once, in order; the last batch is filled up."""

        def share_of(share: Share) -> tf.data.Dataset:
            serialized = records(files, self._compression)
            return filled_batches(serialized, self._batch_size, self._parse, share)

        return self._distribute(share_of)

    def count(self, files: list[str], at_most: int | None = None) -> int:
        """Returns the number of examples in files.

        Args:
            files: paths.
            at_most: where to stop counting; None counts all.
        """
        counted = records(files, self._compression)
        if at_most is not None:
            counted = counted.take(at_most)
        zero = tf.constant(0, tf.int64)
        # A step of a reduction takes more time than to read a record.
        batches = counted.batch(_COUNTED_AT_ONCE)
        return int(batches.reduce(zero, lambda n, batch: n + tf.size(batch, tf.int64)))

    def labels(self, files: list[str]) -> tf.data.Dataset:
        """Returns labels and weights of all examples, in order: float32 [n] of both."""
        columns = [self._target.label]
        columns += [EXAMPLE_WEIGHT] if self._target.example_weight else []
        spec = {column: self._spec[column] for column in columns}

        def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            parsed = tf.io.parse_example(serialized, spec)
            labels = tf.cast(parsed[self._target.label], tf.float32)
            weights = tf.ones_like(labels)
            if column := self._target.example_weight:
                weights = _checked_weights(parsed[EXAMPLE_WEIGHT], column)
            return labels, weights

        return records(files, self._compression).batch(_COUNTED_AT_ONCE).map(parse)

    def _parse(self, serialized: tf.Tensor) -> Batch:
        parsed = tf.io.parse_example(serialized, self._spec)
        ids, weights = engine_inputs(parsed, self._feature_set)
        labels = tf.ensure_shape(parsed[self._target.label], serialized.shape)
        example_weights = tf.ones_like(labels)
        if column := self._target.example_weight:
            example_weights = _checked_weights(parsed[EXAMPLE_WEIGHT], column)
        return Batch(
            ids=ids,
            weights=weights,
            numbers=number_inputs(parsed, self._feature_set),
            labels=labels,
            example_weights=tf.ensure_shape(example_weights, labels.shape),
            is_example=tf.ones_like(labels),
        )


def check_count(split: str, counted: int, recorded: int | None) -> None:
    """Checks that the files of a split hold the examples that were written.

    Args:
        split: its name.
        counted: in the files.
        recorded: when they were written; None: there is no record.

    Raises:
        ValueError: if the two differ.
    """
    if recorded is not None and counted != recorded:
        raise ValueError(
            f"Split '{split}' of the transformed examples has {counted:,} examples in "
            f"its files, and {recorded:,} were written. Run again with --no-cache."
        )


def _checked_weights(weights: tf.Tensor, column: str) -> tf.Tensor:
    """Returns example weights; a negative or not finite one is an error."""
    is_weight = tf.math.is_finite(weights) & (weights >= 0)
    wrong = tf.boolean_mask(weights, ~is_weight)
    message = (
        f"Column `{shown(column)}` (`data.example_weight`): the weight of an example "
        "must be 0 or more and finite. Correct the data, or leave such examples out. "
        "It holds"
    )
    check = tf.debugging.Assert(tf.equal(tf.size(wrong), 0), [message, wrong[:3]])
    with tf.control_dependencies([check]):
        return tf.identity(weights)


def unlabelled_batch(
    transformed: Mapping[str, Any], feature_set: FeatureSet, batch_size: int
) -> Batch:
    """Returns a batch to predict only, of what the transform graph gives.

    Args:
        transformed: transformed columns; label and example weight may be absent.
        feature_set: the id features, numbers and tables.
        batch_size: examples in the batch.
    """
    ids, weights = engine_inputs(transformed, feature_set)
    none = tf.zeros([batch_size])
    return Batch(
        ids, weights, number_inputs(transformed, feature_set), none, none, none
    )


def filled_batches(
    serialized: tf.data.Dataset,
    batch_size: int,
    parse: Callable[[tf.Tensor], Batch],
    share: Share | None = None,
) -> tf.data.Dataset:
    """Returns batches of one size; repeats of its first example fill the last one.

    The engine takes batches of one size only. Fillers have `is_example` 0.

    Args:
        serialized: serialized examples.
        batch_size: examples in each batch.
        parse: turns string [batch_size], or a part of it, into a batch.
        share: the parts of each batch to give; None: whole batches.
    """
    share = share or Share()

    def fill(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        size = tf.shape(batch)[0]
        full = tf.concat([batch, tf.repeat(batch[:1], batch_size - size)], axis=0)
        is_example = tf.cast(tf.range(batch_size) < size, tf.float32)
        return tf.ensure_shape(full, [batch_size]), is_example

    def parsed(serialized: tf.Tensor, is_example: tf.Tensor) -> Batch:
        return parse(serialized)._replace(is_example=is_example)

    return (
        share.of(serialized.batch(batch_size).map(fill))
        .map(parsed, tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )
