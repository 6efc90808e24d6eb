"""Training on the emulated TPU: the engine's own ops, run by kernels for CPUs.

A core is a logical CPU of this process; so is a host. Nothing else is stood in for: the
engine is created under a TPUStrategy and builds what it builds for a TPU.
"""

import contextlib
import dataclasses
from unittest import mock

import numpy as np
import tensorflow as tf
from tensorflow.python.distribute.values import PerReplica

from shardline import embedding
from shardline.embedding.tpu import core_devices

BATCH = 4
LENGTH = 3
ROWS = 11


@dataclasses.dataclass
class Feature:
    """What one feature holds in one step on one core."""

    ids: list
    weights: list | None
    gradient: np.ndarray


def _local_host(device):
    """Returns the logical CPU that stands for the host of a task."""
    task = tf.DeviceSpec.from_string(device).task
    return f"/job:localhost/replica:0/task:0/device:CPU:{task}"


@contextlib.contextmanager
def local_hosts():
    """Makes logical CPU t the host of task t, which this process does not have."""
    with mock.patch.object(core_devices, "host_of", _local_host):
        yield


def engine(strategy, config, optimizer, pipelined=False, **options):
    """Returns an engine on the emulated TPU."""
    with strategy.scope(), local_hosts():
        return embedding.TPUEmbedding(config, optimizer, pipelined, **options)


def draw(rng, kind, length, dim, weighted):
    """Draws one batch: duplicate ids and, but for dense ids, an empty example."""
    sizes = [1] * BATCH
    if kind != "dense":
        sizes = rng.permutation([0, 2, 3, 5]).tolist()
    ids = [rng.integers(0, ROWS - 2, size).tolist() for size in sizes]
    weights = None
    if weighted:
        weights = [rng.uniform(0.5, 2, size).tolist() for size in sizes]
    places = (BATCH, length) if length else (BATCH,)
    gradient = rng.normal(size=(*places, dim)).astype(np.float32)
    return Feature(ids, weights, gradient)


def tensor(kind, rows, dtype):
    """Returns rows as a dense, sparse or ragged tensor."""
    if rows is None:
        return None
    flat = tf.constant([value for row in rows for value in row], dtype)
    if kind == "dense":
        return flat
    if kind == "ragged":
        return tf.RaggedTensor.from_row_lengths(flat, [len(row) for row in rows])
    places = [[at, k] for at, row in enumerate(rows) for k in range(len(row))]
    indices = np.array(places, np.int64).reshape(-1, 2)
    return tf.SparseTensor(indices, flat, [len(rows), 5])


def train(engine, kinds, steps, cores, compiled=True):
    """Trains; returns activations by step, core and feature.

    Args:
        engine: on the emulated TPU.
        kinds: of each feature.
        steps: Features by step, core and feature.
        cores: how many there are.
        compiled: whether each step is a graph.
    """

    def step(ids, weights, gradients):
        engine.enqueue(_distributed(ids), _distributed(weights), training=True)
        activations = []
        for core in range(cores):
            with tf.device(f"/CPU:{core}"):
                activations.append(engine.dequeue())
                engine.apply_gradients(gradients[core])
        return activations

    run = tf.function(step, reduce_retracing=True) if compiled else step
    found = []
    for batches in steps:
        found.append(run(*_inputs(kinds, batches)))
    return tf.nest.map_structure(lambda x: x.numpy(), found)


def _inputs(kinds, batches):
    ids = [
        [tensor(*x, tf.int64) for x in _pairs(kinds, core, "ids")] for core in batches
    ]
    weights = [
        [tensor(*x, tf.float32) for x in _pairs(kinds, core, "weights")]
        for core in batches
    ]
    gradients = [[tf.constant(x.gradient) for x in core] for core in batches]
    return ids, weights, gradients


def _pairs(kinds, core, part):
    return [(kind, getattr(x, part)) for kind, x in zip(kinds, core, strict=True)]


def _distributed(values):
    """Returns features of distributed values from cores of features."""
    if len(values) == 1:
        return values[0]
    return [
        None if parts[0] is None else PerReplica(parts)
        for parts in (list(parts) for parts in zip(*values, strict=True))
    ]


def state(engine):
    """Copies the tables out of the TPU: parameters and slots by table name."""
    engine._backend.retrieve()
    return {
        table.spec.name: {"parameters": _whole(table.parameters)}
        | {slot: _whole(sharded) for slot, sharded in table.slots.items()}
        for table in engine._tables
    }


def _whole(sharded):
    return np.concatenate([shard.numpy() for shard in sharded.variables])
