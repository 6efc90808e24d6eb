"""Trains, saves, restores and exports with the engine alone: for a bare environment.

Writes a SavedModel to the folder it is given, and beside it requests and the answers
of the engine. Prints what it could import of packages that the engine does not need.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from shardline.embedding import (
    TPUEmbedding,
    configure_logical_hosts,
    host_sharded_options,
    serving_embedding_lookup,
)

FOREIGN = (
    "aiohttp",
    "apache_beam",
    "google_crc32c",
    "keras_rs",
    "kfp",
    "matplotlib",
    "ml_metadata",
    "prometheus_client",
    "pyarrow",
    "pydantic",
    "tensorflow_transform",
    "tfx",
    "typer",
    "yaml",
)
tpu = tf.tpu.experimental.embedding


def batch(seed):
    """Returns ids of 8 examples: one user, and any number of movies."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 4, 8)
    return {
        "user": tf.constant(rng.integers(0, 11, 8)),
        "history": tf.RaggedTensor.from_row_lengths(
            rng.integers(0, 50, lengths.sum()), lengths
        ),
    }


def train_step(engine, ids):
    """Trains all activations towards 1; returns the loss before."""
    engine.enqueue(ids, training=True)
    with tf.GradientTape() as tape:
        activations = engine.dequeue()
        tape.watch(activations)
        loss = sum(tf.reduce_mean((a - 1) ** 2) for a in activations.values())
    engine.apply_gradients(tape.gradient(loss, activations))
    return float(loss)


def activations_of(engine, ids):
    """Returns the activations of a batch that trains nothing."""
    engine.enqueue(ids, training=False)
    return engine.dequeue()


def export(engine, features, folder):
    """Saves a model that looks up in a copy of the tables."""
    module = tf.Module()
    module.tables = {
        table.name: tf.Variable(tf.concat(list(parts.variables), 0), trainable=False)
        for table, parts in engine.embedding_tables.items()
    }
    tables = {table: module.tables[table.name] for table in engine.embedding_tables}

    @tf.function(
        input_signature=[
            {
                "user": tf.TensorSpec([None], tf.int64),
                "history": tf.RaggedTensorSpec([None, None], tf.int64),
            }
        ]
    )
    def lookup(ids):
        return serving_embedding_lookup(ids, None, tables, features)

    module.lookup = lookup
    tf.saved_model.save(module, folder)


def main(folder):
    """Does all of it in a folder."""
    hosts = configure_logical_hosts(2)
    zeros = tf.zeros_initializer()
    movie = tpu.TableConfig(50, 4, zeros, combiner="mean", name="movie")
    user = tpu.TableConfig(11, 4, zeros, name="user")
    features = {"user": tpu.FeatureConfig(user), "history": tpu.FeatureConfig(movie)}
    engine = TPUEmbedding(features, tpu.Adagrad(0.5), hosts=hosts)
    losses = [train_step(engine, batch(step % 2)) for step in range(20)]
    assert losses[-1] < 0.7 * losses[0], losses
    options = host_sharded_options()
    prefix = tf.train.Checkpoint(embedding=engine).write(str(folder / "step"), options)
    assert len(list(folder.glob("step.data-*"))) == 2
    restored = TPUEmbedding(features, tpu.Adagrad(0.5), hosts=hosts[:1])
    restored.build(8)
    tf.train.Checkpoint(embedding=restored).read(prefix).assert_consumed()
    ids = batch(7)
    expected, found = activations_of(engine, ids), activations_of(restored, ids)
    for name in features:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)
    export(restored, features, str(folder / "model"))
    np.savez(
        folder / "request.npz",
        user=ids["user"],
        values=ids["history"].values,
        row_splits=ids["history"].row_splits,
        **{f"expected_{name}": value for name, value in found.items()},
    )
    print("foreign:", *(name for name in FOREIGN if importlib.util.find_spec(name)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
