"""Row splits of ragged ids, which only a running step can check.

TensorFlow's ops take those that no RaggedTensor can have in different ways: some answer
numbers, some allocate as much as they say.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.inputs.assertions import Check, after, asserted

MUST = "row_splits must ascend from 0 to the number of ids,"


def are_splits(ids: tf.RaggedTensor) -> tf.Tensor:
    """Returns whether row splits begin at 0, never descend and end at the last id."""
    splits = tf.cast(ids.row_splits, tf.int64)
    # Not the first and the last, which splits of no rows at all do not have.
    return (
        tf.equal(tf.reduce_min(splits), 0)
        & tf.equal(tf.reduce_max(splits), tf.size(ids.values, tf.int64))
        & tf.reduce_all(splits[1:] >= splits[:-1])
    )


def with_checked_splits(path: str, ids: tf.RaggedTensor) -> tf.RaggedTensor:
    """Returns ids whose row splits are known to be such before anything reads them.

    Args:
        path: of the feature, for the message.
        ids: [batch, None].
    """
    with after(splits_check([(f"Feature '{path}': {MUST}", ids)])):
        splits = tf.identity(ids.row_splits)
    return tf.RaggedTensor.from_row_splits(ids.values, splits, validate=False)


def splits_check(given: Sequence[tuple[str, tf.RaggedTensor]]) -> Check:
    """Asserts row splits of several tensors as one: a request is as slow as it has ops.

    Args:
        given: what the message says of each, up to the number of values; and the
            tensor, [batch, None].
    """
    messages, tensors = zip(*given, strict=True)
    fit = tf.stack([are_splits(ids) for ids in tensors])

    def found() -> list[Any]:
        at = tf.argmin(tf.cast(fit, tf.int32))
        sizes = [tf.size(ids.values) for ids in tensors]
        splits = [
            tf.strings.format("{}", ids.row_splits, summarize=3) for ids in tensors
        ]
        message, size, got = (tf.gather(of, at) for of in (messages, sizes, splits))
        return [message, size, "got", got]

    return asserted(tf.reduce_all(fit), found)
