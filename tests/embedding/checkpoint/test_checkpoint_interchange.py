"""Checkpoints between any numbers of hosts, and to and from TensorFlow's classes."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding
from shardline.embedding.checkpoint.host_files import host_sharded_options

tpu = tf.tpu.experimental.embedding

OPTIMIZERS = [
    tpu.SGD(0.1),
    tpu.Adagrad(0.1),
    tpu.AdagradMomentum(0.1),
    tpu.Adam(0.1),
    tpu.FTRL(0.1),
]
THEIRS = [tpu.TPUEmbedding, tpu.TPUEmbeddingForServing]
RESHARD = Path(__file__).with_name("reshard_program.py")

optimizers = pytest.mark.parametrize(
    "optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__
)
theirs = pytest.mark.parametrize("theirs", THEIRS)
moments = pytest.mark.parametrize("is_built", [True, False], ids=["after", "before"])


def configuration():
    """Returns a new configuration: TensorFlow's classes write into theirs."""
    items = tpu.TableConfig(vocabulary_size=11, dim=3, name="items")
    user = tpu.TableConfig(vocabulary_size=7, dim=2, name="user")
    return {
        "clicks": tpu.FeatureConfig(table=items),
        "history": tpu.FeatureConfig(table=items, max_sequence_length=4),
        "user": tpu.FeatureConfig(table=user),
    }


def our_variables(engine):
    """Returns table -> slot or "parameters" -> shards."""
    return {
        config.name: {"parameters": parameters.variables}
        | {
            slot: variable.variables
            for slot, variable in engine.slot_variables[config].items()
        }
        for config, parameters in engine.embedding_tables.items()
    }


def their_variables(owner):
    """Returns the same of TensorFlow's object."""
    return {
        table: {name: [variable] for name, variable in variables.items()}
        for table, variables in owner._variables.items()
    }


def fill(variables, seed=4):
    """Writes random values."""
    rng = np.random.default_rng(seed)
    for table in variables.values():
        for shards in table.values():
            for shard in shards:
                shard.assign(rng.normal(size=shard.shape))


def assert_equal(got, expected):
    assert got.keys() == expected.keys()
    for table, variables in expected.items():
        assert got[table].keys() == variables.keys()
        for name, shards in variables.items():
            left, right = (
                np.concatenate([shard.numpy() for shard in side])
                for side in (got[table][name], shards)
            )
            np.testing.assert_array_equal(left, right, err_msg=f"{table}: {name}")


def our_engine(cases, optimizer, host_count):
    return TPUEmbedding(configuration(), optimizer, hosts=cases.hosts(host_count))


def restore(target, prefix, is_built):
    """Restores, before or after the target's variables are made."""
    if is_built:
        target.build()
    status = tf.train.Checkpoint(embedding=target).read(prefix)
    target.build()
    status.assert_consumed()


@optimizers
@theirs
@moments
@pytest.mark.parametrize("host_count", [1, 3])
def test_our_checkpoint_restores_into_tensorflows_class(
    cases, tmp_path, optimizer, theirs, is_built, host_count
):
    source = our_engine(cases, optimizer, host_count)
    source.build()
    fill(our_variables(source))
    prefix = tf.train.Checkpoint(embedding=source).write(
        str(tmp_path / "step"), options=host_sharded_options()
    )
    target = theirs(configuration(), optimizer)
    restore(target, prefix, is_built)
    assert_equal(their_variables(target), our_variables(source))


@optimizers
@theirs
@moments
@pytest.mark.parametrize("host_count", [1, 3])
def test_tensorflows_checkpoint_restores_into_our_engine(
    cases, tmp_path, optimizer, theirs, is_built, host_count
):
    source = theirs(configuration(), optimizer)
    source.build()
    fill(their_variables(source))
    prefix = tf.train.Checkpoint(embedding=source).write(str(tmp_path / "step"))
    target = our_engine(cases, optimizer, host_count)
    restore(target, prefix, is_built)
    assert_equal(our_variables(target), their_variables(source))


@optimizers
def test_both_write_the_same_tensors(cases, tmp_path, optimizer):
    contents = []
    for source in (
        our_engine(cases, optimizer, 3),
        tpu.TPUEmbedding(configuration(), optimizer),
    ):
        source.build()
        prefix = str(tmp_path / type(source).__module__)
        tf.train.Checkpoint(embedding=source).write(prefix)
        contents.append(dict(tf.train.list_variables(prefix)))
    assert contents[0] == contents[1]


@optimizers
def test_seeded_table_starts_as_tensorflows_does(cases, optimizer):
    sides = []
    for create in (
        lambda config: TPUEmbedding(config, optimizer, hosts=cases.hosts(3)),
        lambda config: tpu.TPUEmbedding(config, optimizer),
    ):
        config = tpu.TableConfig(
            11, 3, name="items", initializer=tf.random_normal_initializer(seed=3)
        )
        sides.append(create(tpu.FeatureConfig(table=config)))
        sides[-1].build()
    assert_equal(our_variables(sides[0]), their_variables(sides[1]))


PROGRAM_WITHOUT_US = """
import sys
import numpy as np
import tensorflow as tf
tpu = tf.tpu.experimental.embedding
table = tpu.TableConfig(vocabulary_size=11, dim=3, name="items")
model = tpu.TPUEmbedding(tpu.FeatureConfig(table=table), tpu.Adagrad(0.1))
model.build()
tf.train.Checkpoint(embedding=model).read(sys.argv[1]).assert_consumed()
assert "embedding" not in sys.modules
(parameters,) = model.embedding_tables.values()
np.save(sys.argv[2], parameters.numpy())
"""


def run(*arguments):
    """Runs Python in a process of its own; returns what it printed."""
    finished = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_program_that_knows_tensorflow_only_restores_our_checkpoint(cases, tmp_path):
    config = {"clicks": cases.feature(cases.table())}
    source = cases.start(config, tpu.Adagrad(0.1), 3)
    prefix = tf.train.Checkpoint(embedding=source).write(str(tmp_path / "step"))
    run("-c", PROGRAM_WITHOUT_US, prefix, tmp_path / "got.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "got.npy"), cases.values())


def test_every_pair_of_host_counts_restores_bit_by_bit(tmp_path):
    counts = [1, 2, 3, 5]
    targets = [*counts, "TPUEmbedding", "TPUEmbeddingForServing"]
    *_, exact = run(RESHARD, tmp_path).splitlines()
    pairs = itertools.product(counts, targets, ["before", "after"])
    assert json.loads(exact) == [list(pair) for pair in pairs]
