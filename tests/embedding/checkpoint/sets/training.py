"""A small training whose every step is the same in every process."""

import numpy as np
import tensorflow as tf

from shardline.embedding import TPUEmbedding, configure_logical_hosts
from shardline.embedding.checkpoint.sets.restore import restore_set

_api = tf.tpu.experimental.embedding

BATCH = 16
LINEAGE = {"configuration": "1"}


class SmallTraining:
    """Three tables of several optimizers, and values beside them.

    Attributes:
        engine: built.
        variables: what is no table.
        step: steps done.
    """

    def __init__(self, hosts=1):
        """Begins at step 0, on some of three logical hosts."""
        tables = {
            "wide": _table("wide", 2000, 8, _api.Adagrad(0.1)),
            "small": _table("small", 57, 4, _api.Adam(0.1)),
            "one": _table("one/row", 2, 3, _api.SGD(0.1)),
        }
        features = {name: _api.FeatureConfig(table) for name, table in tables.items()}
        devices = configure_logical_hosts(3)[:hosts]
        self.engine = TPUEmbedding(features, optimizer=None, hosts=devices)
        self.engine.build(BATCH)
        self.variables = {
            "dense": tf.Variable(tf.zeros([7])),
            "count": tf.Variable(0, dtype=tf.int64),
        }
        self.step = 0

    def train(self, steps=1):
        """Trains on ids and gradients that depend on the step alone."""
        for _ in range(steps):
            self.step += 1
            random = np.random.default_rng(self.step)
            ids = {
                "wide": tf.constant(random.zipf(1.2, BATCH) % 2000),
                "small": tf.constant(random.integers(0, 57, BATCH)),
                "one": tf.zeros([BATCH], tf.int64),
            }
            self.engine.enqueue(ids, training=True)
            activations = self.engine.dequeue()
            gradients = {
                name: tf.constant(random.normal(size=part.shape), tf.float32)
                for name, part in activations.items()
            }
            self.engine.apply_gradients(gradients)
            noise = tf.constant(random.normal(size=7), tf.float32)
            self.variables["dense"].assign_add(noise)
            self.variables["count"].assign_add(1)

    def content(self):
        """Returns copies of everything that training changes, by name."""
        tables = {
            f"{table}/{name}": np.concatenate(
                [part.numpy() for part in variable.variables]
            )
            for table, tensors in self.engine._variables.items()
            for name, variable in tensors.items()
        }
        values = {name: np.array(one.numpy()) for name, one in self.variables.items()}
        return tables | values


def _table(name, rows, dim, optimizer):
    return _api.TableConfig(rows, dim, name=name, optimizer=optimizer)


def assert_same(first, second):
    """Checks that two contents are the same to the bit."""
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert values.dtype == second[name].dtype, name
        assert values.tobytes() == second[name].tobytes(), name


def restored(folder, one=None, hosts=1):
    """Returns a new training that was restored from a set, by default the newest."""
    training = SmallTraining(hosts)
    one = one or folder.sets()[-1]
    back = restore_set(folder, one, training.engine, training.variables, LINEAGE)
    training.step = back.step
    return training
