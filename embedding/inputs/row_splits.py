"""Row splits of ragged ids, which only a running step can check.

TensorFlow's ops differ on row splits that no RaggedTensor can have: some return
numbers, some allocate as much memory as the splits ask for.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from shardline.embedding.inputs.assertions import Check, after, asserted


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
    """Returns ids whose row splits are checked before anything reads them.

    Args:
        path: the path of the feature, for the message.
        ids: [batch, None].
    """
    with after(splits_check([(splits_message(path), ids)])):
        splits = tf.identity(ids.row_splits)
    return tf.RaggedTensor.from_row_splits(ids.values, splits, validate=False)


def splits_message(path: str) -> str:
    """Returns what is said of row splits that are refused, up to the number of ids.

    Args:
        path: the path of the feature.
    """
    return f"Feature '{path}': row_splits must ascend from 0 to the number of ids,"


def splits_check(tensors_by_message: Sequence[tuple[str, tf.RaggedTensor]]) -> Check:
    """Asserts row splits of several tensors in one op, as requests must be of few.

    Args:
        tensors_by_message: pairs of what the message says, up to the number of values,
            and a tensor [batch, None].
    """
    messages, tensors = zip(*tensors_by_message, strict=True)
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
