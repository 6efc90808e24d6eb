"""Row splits of ragged ids, which only a running step can check.

TensorFlow's ops take those that no RaggedTensor can have in different ways: some answer
numbers, some allocate as much as they say.
"""

import tensorflow as tf

from embedding.checks import after

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
    found = [
        f"Feature '{path}': {MUST}",
        tf.size(ids.values),
        "got",
        ids.row_splits,
    ]
    with after(tf.debugging.Assert(are_splits(ids), found)):
        splits = tf.identity(ids.row_splits)
    return tf.RaggedTensor.from_row_splits(ids.values, splits, validate=False)
