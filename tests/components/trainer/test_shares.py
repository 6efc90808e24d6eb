"""Parts of batches: together they are the batch, whoever reads them."""

import tensorflow as tf

from shardline.components.trainer.shares import Share, undistributed


def read(share: Share) -> list[list[list[int]]]:
    """Returns what a host reads of batches of 6 examples and a number for each."""
    examples = tf.data.Dataset.range(12).map(lambda number: (number, -number))
    parts = share.of(examples.batch(6))
    return [[column.numpy().tolist() for column in part] for part in parts]


def test_whole_batches_stay_as_they_are() -> None:
    batches = tf.data.Dataset.range(4).batch(2)

    assert undistributed(lambda share: share.of(batches)) is batches


def test_each_host_reads_its_parts_in_their_order() -> None:
    first, second = read(Share(3, 0, 2)), read(Share(3, 2, 3))

    assert [numbers for numbers, _ in first] == [[0, 1], [2, 3], [6, 7], [8, 9]]
    assert second == [[[4, 5], [-4, -5]], [[10, 11], [-10, -11]]]


def test_parts_of_one_column_have_a_known_size() -> None:
    parts = Share(2, 1, 2).of(tf.data.Dataset.from_tensors(tf.constant(["a", "b"])))

    assert parts.element_spec == tf.TensorSpec([1], tf.string)
