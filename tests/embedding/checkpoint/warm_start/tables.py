"""Engines with tables of all kinds of optimizers, filled with values, and an oracle."""

import numpy as np
import tensorflow as tf

from shardline import embedding
from shardline.embedding import TPUEmbedding, configure_logical_hosts

_api = tf.tpu.experimental.embedding
OPTIMIZERS = {
    "sgd": lambda: _api.SGD(0.1),
    "adagrad": lambda: _api.Adagrad(0.1),
    "adam": lambda: _api.Adam(0.1),
    "ftrl": lambda: _api.FTRL(0.1),
    "momentum": lambda: _api.AdagradMomentum(0.1),
}
BATCH = 2


def engine_of(tables, hosts):
    """Builds an engine on some of three logical hosts.

    Args:
        tables: by name, rows, dim and the name of the optimizer.
        hosts: how many.
    """
    configs = [
        _api.TableConfig(
            rows,
            dim,
            initializer=tf.random_normal_initializer(seed=7),
            optimizer=OPTIMIZERS[optimizer](),
            name=name,
        )
        for name, (rows, dim, optimizer) in tables.items()
    ]
    engine = TPUEmbedding(
        [_api.FeatureConfig(config) for config in configs],
        hosts=configure_logical_hosts(3)[:hosts],
    )
    engine.build(BATCH)
    return engine


def fill(engine, seed):
    """Gives every value of every variable bits of its own, NaN and infinity too."""
    random = np.random.default_rng(seed)
    for tensors in engine._variables.values():
        for variable in tensors.values():
            for part in variable.variables:
                values = random.normal(size=part.shape).astype(np.float32)
                values.flat[0] = np.nan
                values.flat[-1] = -np.inf
                part.assign(values)


def content(engine):
    """Returns whole tables: by table, then by tensor, copies."""
    return {
        table: {
            name: np.concatenate([part.numpy() for part in variable.variables])
            for name, variable in tensors.items()
        }
        for table, tensors in engine._variables.items()
    }


def write(engine, path):
    """Writes a `tf.train.Checkpoint`; returns its prefix."""
    options = embedding.host_sharded_options()
    checkpoint = tf.train.Checkpoint(embedding=engine)
    return checkpoint.write(str(path), options=options)


def expected(before, fresh, row_map):
    """Returns what a table must be: the definition, row by row.

    Args:
        before: the table in the checkpoint, by tensor.
        fresh: the table as the engine made it.
        row_map: where its rows come from.
    """
    made = {name: values.copy() for name, values in fresh.items()}
    for tensor, values in made.items():
        dim = before[tensor].shape[1]
        for row, source in enumerate(row_map.sources):
            if source >= 0:
                values[row, :dim] = before[tensor][source]
    parameters = made["parameters"]
    dim = before["parameters"].shape[1]
    copies, means = row_map.copies, row_map.means
    for row, source in zip(copies.rows, copies.sources, strict=True):
        parameters[row, :dim] = before["parameters"][source]
    if len(means.rows):
        of = parameters[means.of, :dim].astype(np.float64)
        parameters[means.rows, :dim] = of.mean(axis=0).astype(np.float32)
    return made


def assert_same(got, wanted, name=""):
    """Checks that tables are the same to the bit."""
    assert got.keys() == wanted.keys()
    for tensor, values in wanted.items():
        np.testing.assert_array_equal(
            got[tensor].view(np.uint32),
            values.view(np.uint32),
            err_msg=f"{name} {tensor}",
        )
