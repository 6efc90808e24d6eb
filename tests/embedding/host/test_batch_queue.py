"""Batches leave in their order, with each part as it came."""

import numpy as np
import tensorflow as tf

from shardline.embedding.host.batch_queue import BatchQueue


def queue_of(capacity=2):
    """Returns a queue of a part of two tensors on one host, and of one on another."""
    parts = [("/CPU:0", [tf.int32, tf.float32]), ("/CPU:1", [tf.int64])]
    return BatchQueue(capacity, parts)


def batch(number):
    return [
        [tf.fill([number], number), tf.fill([1], float(number))],
        [tf.constant([number], tf.int64)],
    ]


def test_batches_leave_in_order_part_by_part():
    queue = queue_of()
    for number in (1, 2):
        queue.enqueue(batch(number))
    for number in (1, 2):
        left = queue.dequeue()
        assert [len(part) for part in left] == [2, 1]
        for found, expected in zip(left, batch(number), strict=True):
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)


def test_part_of_one_tensor_alone_is_a_part_too():
    queue = BatchQueue(1, [("/CPU:0", [tf.bool])])
    queue.enqueue([[tf.constant(True)]])
    ((flag,),) = queue.dequeue()
    assert bool(flag)


def test_queue_tells_whether_it_is_empty():
    queue = queue_of()
    assert bool(queue.is_empty())
    queue.enqueue(batch(3))
    assert not bool(queue.is_empty())
    queue.dequeue()
    assert bool(queue.is_empty())
