"""Measures the memory that saving and restoring take; run as a program.

Usage: restore_memory_program.py theirs|write|before|after CHECKPOINT HOSTS. The first
writes with TensorFlow's own class. Prints a JSON object: what the shards hold, and for
each action its peak of resident memory above what was there before the table existed,
all in bytes.
"""

import json
import sys
from pathlib import Path

import tensorflow as tf

from shardline import embedding

ROWS, DIM = 1_200_000, 64
SHARDS_BYTES = 2 * ROWS * DIM * 4  # Parameters and one slot.
tpu = tf.tpu.experimental.embedding


class Memory:
    """Peaks of this process's resident memory, from Linux."""

    def __init__(self):
        self._before = self._read("VmRSS")
        self._forget_peak()

    def peak(self):
        """Returns the peak since the last call, above the start."""
        peak = self._read("VmHWM") - self._before
        self._forget_peak()
        return peak

    @staticmethod
    def _forget_peak():
        Path("/proc/self/clear_refs").write_text("5")

    @staticmethod
    def _read(field):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
        raise LookupError(field)


def main(action, prefix, host_count):
    """Does one action, and what belongs to it."""
    hosts = embedding.configure_logical_hosts(host_count)
    config = tpu.FeatureConfig(table=tpu.TableConfig(ROWS, DIM, name="items"))
    if action == "theirs":
        theirs = tpu.TPUEmbedding(config, tpu.Adagrad(0.1))
        theirs.build()
        tf.train.Checkpoint(embedding=theirs).write(prefix)
        return
    engine = embedding.TPUEmbedding(config, tpu.Adagrad(0.1), hosts=hosts)
    checkpoint = tf.train.Checkpoint(embedding=engine)
    tf.reduce_sum(tf.zeros([2, 2])).numpy()
    memory, peaks = Memory(), {}
    status = checkpoint.read(prefix) if action == "before" else None
    engine.build(2)
    peaks["build"] = memory.peak()
    if action == "after":
        status = checkpoint.read(prefix)
        peaks["restore"] = memory.peak()
        # A training step leaves variables in another state than a new one.
        engine.enqueue(tf.constant([0, ROWS - 1]))
        engine.apply_gradients(tf.ones_like(engine.dequeue()))
        status = checkpoint.read(prefix)
        peaks["restore after a step"] = memory.peak()
    if action != "before":
        options = embedding.host_sharded_options()
        checkpoint.write(prefix + "-again" * (action != "write"), options=options)
        peaks["write"] = memory.peak()
    if status is not None:
        status.assert_consumed()
    print(json.dumps({"shards": SHARDS_BYTES, "peaks": peaks}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
