"""Saves on M and restores on N of five logical hosts, for all pairs; run as a program.

TensorFlow fixes its devices when it starts, and the tests' process has three. Prints a
JSON list of [saved on, restored on, when] for each restore that was exact, bit by bit.
"""

import json
import sys

import numpy as np
import tensorflow as tf

from shardline import embedding

HOST_COUNTS = (1, 2, 3, 5)
tpu = tf.tpu.experimental.embedding


def configuration():
    """Returns new configs: a table for each optimizer, one of few rows."""
    tables = [
        tpu.TableConfig(13, 4, name="items", optimizer=tpu.FTRL(0.1)),
        tpu.TableConfig(7, 3, name="user", optimizer=tpu.Adagrad(0.1)),
        tpu.TableConfig(2, 5, name="few", optimizer=tpu.Adam(0.1)),
        tpu.TableConfig(11, 2, name="plain", optimizer=tpu.SGD(0.1)),
        tpu.TableConfig(9, 1, name="moving", optimizer=tpu.AdagradMomentum(0.1)),
    ]
    return [tpu.FeatureConfig(table=table) for table in tables]


def engine_on(hosts):
    """Returns an unbuilt engine."""
    return embedding.TPUEmbedding(configuration(), hosts=hosts)


def variables_of(engine):
    """Returns each variable's shards by the name of the variable."""
    found = {}
    for config, parameters in engine.embedding_tables.items():
        found[config.name] = parameters.variables
        for slot, variable in engine.slot_variables[config].items():
            found[f"{config.name}/{slot}"] = variable.variables
    return found


def of_tensorflow(owner):
    """Returns each variable of TensorFlow's own classes, as one shard."""
    found = {}
    for table, variables in owner._variables.items():
        for name, variable in variables.items():
            found[table if name == "parameters" else f"{table}/{name}"] = [variable]
    return found


def values(variables):
    """Returns each whole variable."""
    return {
        name: np.concatenate([shard.numpy() for shard in shards])
        for name, shards in variables.items()
    }


def written(hosts, prefix):
    """Writes random tables and slots; returns (prefix, values)."""
    engine = engine_on(hosts)
    engine.build(2)
    rng = np.random.default_rng(len(hosts))
    for shards in variables_of(engine).values():
        for shard in shards:
            shard.assign(rng.normal(size=shard.shape))
    expected = values(variables_of(engine))
    checkpoint = tf.train.Checkpoint(embedding=engine)
    return checkpoint.write(prefix, options=embedding.host_sharded_options()), expected


def restored(target, build, variables, prefix, when):
    """Returns every value after a restore."""
    if when == "after":
        build()
    status = tf.train.Checkpoint(embedding=target).read(prefix)
    if when == "before":
        build()
    status.assert_consumed()
    return values(variables(target))


def main(folder):
    """Goes through all pairs."""
    hosts = embedding.configure_logical_hosts(max(HOST_COUNTS))
    exact = []
    for saved_on in HOST_COUNTS:
        prefix, expected = written(hosts[:saved_on], f"{folder}/{saved_on}")
        targets = {
            host_count: (lambda n=host_count: engine_on(hosts[:n]), variables_of)
            for host_count in HOST_COUNTS
        } | {
            "TPUEmbedding": (
                lambda: tpu.TPUEmbedding(configuration(), None),
                of_tensorflow,
            ),
            "TPUEmbeddingForServing": (
                lambda: tpu.TPUEmbeddingForServing(configuration(), None),
                of_tensorflow,
            ),
        }
        for restored_on, (create, variables) in targets.items():
            for when in ("before", "after"):
                target = create()
                got = restored(target, target.build, variables, prefix, when)
                assert got.keys() == expected.keys()
                if all(np.array_equal(got[name], expected[name]) for name in expected):
                    exact.append([saved_on, restored_on, when])
    print(json.dumps(exact))


if __name__ == "__main__":
    main(sys.argv[1])
