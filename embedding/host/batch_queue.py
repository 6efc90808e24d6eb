"""A queue of batches whose parts stay on the machines that will use them.

A batch is a list of parts, each for one host. Hosts of one process share a TensorFlow
queue; hosts of different tasks of a cluster have one each, so that the ids of a batch
travel once, when it is enqueued.
"""

import itertools
from collections.abc import Sequence

import tensorflow as tf

from shardline.embedding.hosts import task_of

Part = list[tf.Tensor]


class BatchQueue:
    """First in, first out; over several tasks for one producer and one consumer."""

    def __init__(self, capacity: int, parts: Sequence[tuple[str, list[tf.DType]]]):
        """Creates the queues.

        Args:
            capacity: batches that fit; enqueue blocks beyond.
            parts: device and types of the tensors of each part.
        """
        self._sizes = [len(dtypes) for _, dtypes in parts]
        self._parts_of_queue: list[list[int]] = []
        self._queues = []
        tasks = [task_of(host) for host, _ in parts]
        for task in dict.fromkeys(tasks):
            of_task = [part for part, other in enumerate(tasks) if other == task]
            dtypes = list(itertools.chain.from_iterable(parts[p][1] for p in of_task))
            with tf.device(parts[of_task[0]][0]):
                self._queues.append(tf.queue.FIFOQueue(capacity, dtypes))
            self._parts_of_queue.append(of_task)

    def enqueue(self, batch: Sequence[Part]) -> None:
        """Appends a batch; blocks while the queue is full."""
        for queue, parts in zip(self._queues, self._parts_of_queue, strict=True):
            queue.enqueue(list(itertools.chain.from_iterable(batch[p] for p in parts)))

    def dequeue(self) -> list[Part]:
        """Removes the oldest batch; blocks while the queue is empty."""
        batch: list[Part] = [[] for _ in self._sizes]
        for queue, parts in zip(self._queues, self._parts_of_queue, strict=True):
            taken = queue.dequeue()
            flat = iter(taken if isinstance(taken, (list, tuple)) else [taken])
            for part in parts:
                batch[part] = list(itertools.islice(flat, self._sizes[part]))
        return batch

    def is_empty(self) -> tf.Tensor:
        """Returns whether no batch is complete: bool scalar."""
        return tf.equal(tf.reduce_min([queue.size() for queue in self._queues]), 0)
