"""Checkpoints: a file for each host, and back onto any number of hosts."""

import os

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding
from shardline.embedding.checkpoint.host_files import host_sharded_options

tpu = tf.tpu.experimental.embedding

OPTIMIZERS = [tpu.SGD, tpu.Adagrad, tpu.AdagradMomentum, tpu.Adam, tpu.FTRL]
# All pairs, with up to five hosts: test_every_pair_of_host_counts.
HOST_PAIRS = [(1, 3), (3, 2)]


@pytest.fixture
def features(cases):
    """Two tables of uneven rows; the first is shared by two features."""
    shared = cases.table(name="shared")
    return {
        "clicks": cases.feature(shared),
        "history": cases.feature(shared),
        "user": cases.feature(cases.table(name="user", rows=7, dim=2)),
    }


def train(engine, steps, seed=0):
    """Trains with batches that depend on `seed` alone."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        engine.enqueue(
            {
                name: tf.constant(rng.integers(0, rows, 4))
                for name, rows in {"clicks": 11, "history": 11, "user": 7}.items()
            }
        )
        gradients = {
            name: tf.constant(rng.normal(size=value.shape).astype(np.float32))
            for name, value in engine.dequeue().items()
        }
        engine.apply_gradients(gradients)


def trained(cases, features, optimizer, host_count):
    engine = cases.start(features, optimizer, host_count, batch_size=4)
    train(engine, steps=3)
    return engine


def data_files(path):
    return sorted(path.parent.glob(f"{path.name}.data-*"))


@pytest.mark.parametrize(("saved_on", "restored_on"), HOST_PAIRS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_restore_onto_any_hosts_gives_the_same_tables_and_slots(
    cases, checkpoints, features, tmp_path, optimizer, saved_on, restored_on
):
    source = trained(cases, features, optimizer(0.1), saved_on)
    prefix = checkpoints.write(source, tmp_path / "step", host_sharded_options())
    target = cases.start(features, optimizer(0.1), restored_on, batch_size=4)
    checkpoints.read(target, prefix).assert_consumed()
    checkpoints.assert_same(cases.state(target), cases.state(source))


@pytest.mark.parametrize(("saved_on", "restored_on"), HOST_PAIRS)
def test_restore_before_build_gives_the_same_tables_and_slots(
    cases, checkpoints, features, tmp_path, saved_on, restored_on
):
    source = trained(cases, features, tpu.Adam(0.1), saved_on)
    prefix = checkpoints.write(source, tmp_path / "step", host_sharded_options())
    target = TPUEmbedding(features, tpu.Adam(0.1), hosts=cases.hosts(restored_on))
    status = checkpoints.read(target, prefix)
    target.build(4)
    status.assert_consumed()
    checkpoints.assert_same(cases.state(target), cases.state(source))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_restore_into_a_lookup_engine_gives_the_tables(
    cases, checkpoints, features, tmp_path, optimizer
):
    source = trained(cases, features, optimizer(0.1), 3)
    prefix = checkpoints.write(source, tmp_path / "step", host_sharded_options())
    target = TPUEmbedding(features, hosts=["/CPU:0"])
    target.build()
    checkpoints.read(target, prefix).expect_partial().assert_existing_objects_matched()
    parameters = {
        table: {"parameters": variables["parameters"]}
        for table, variables in cases.state(source).items()
    }
    checkpoints.assert_same(cases.state(target), parameters)


@pytest.mark.parametrize(("saved_on", "restored_on"), [(1, 3), (3, 2), (2, 2)])
def test_training_goes_on_after_restore_as_if_never_stopped(
    cases, checkpoints, features, tmp_path, saved_on, restored_on
):
    source = trained(cases, features, tpu.Adam(0.1), saved_on)
    prefix = checkpoints.write(source, tmp_path / "step", host_sharded_options())
    target = TPUEmbedding(features, tpu.Adam(0.1), hosts=cases.hosts(restored_on))
    checkpoints.read(target, prefix)
    for engine in (source, target):
        train(engine, steps=3, seed=1)
    got, expected = cases.state(target), cases.state(source)
    for table, variables in expected.items():
        for name, value in variables.items():
            np.testing.assert_allclose(got[table][name], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize("host_count", [1, 2, 3])
@pytest.mark.parametrize(
    ("optimizer", "copies"), [(tpu.SGD, 1), (tpu.Adagrad, 2), (tpu.Adam, 3)]
)
def test_each_host_writes_a_file_with_its_share_of_bytes(
    cases, checkpoints, tmp_path, optimizer, copies, host_count
):
    config = cases.feature(cases.table(rows=3001, dim=8))
    engine = cases.start(config, optimizer(0.1), host_count)
    prefix = tmp_path / "step"
    checkpoints.write(engine, prefix, host_sharded_options())
    files = data_files(prefix)
    assert len(files) == host_count
    table_bytes = 3001 * 8 * 4 * copies
    for file in files:
        share = os.path.getsize(file) / table_bytes
        assert share == pytest.approx(1 / host_count, rel=0.02)


def test_files_hold_no_row_twice(cases, checkpoints, features, tmp_path):
    engine = cases.start(features, tpu.Adam(0.1), 3, batch_size=4)
    prefix = tmp_path / "step"
    checkpoints.write(engine, prefix, host_sharded_options())
    numbers = 3 * (11 * 3 + 7 * 2)
    # Other contents are the object graph and the save counter.
    total = sum(os.path.getsize(file) for file in data_files(prefix))
    assert 4 * numbers <= total < 4 * numbers + 4096


def test_other_variables_go_into_the_files_too(cases, features, tmp_path):
    engine = trained(cases, features, tpu.SGD(0.1), 3)
    step = tf.Variable(5)
    checkpoint = tf.train.Checkpoint(embedding=engine, step=step)
    prefix = checkpoint.write(str(tmp_path / "step"), options=host_sharded_options())
    assert len(data_files(tmp_path / "step")) == 3
    step.assign(0)
    checkpoint.read(prefix).assert_consumed()
    assert step.numpy() == 5


def test_checkpoint_manager_writes_and_restores(cases, checkpoints, features, tmp_path):
    engine = trained(cases, features, tpu.Adagrad(0.1), 3)
    expected = cases.state(engine)
    checkpoint = tf.train.Checkpoint(embedding=engine)
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path), max_to_keep=2)
    manager.save(options=host_sharded_options())
    train(engine, steps=1)
    checkpoint.restore(manager.latest_checkpoint).assert_consumed()
    checkpoints.assert_same(cases.state(engine), expected)


def test_default_options_write_what_any_hosts_restore(
    cases, checkpoints, features, tmp_path
):
    source = trained(cases, features, tpu.Adagrad(0.1), 3)
    prefix = checkpoints.write(source, tmp_path / "step")
    target = cases.start(features, tpu.Adagrad(0.1), 2, batch_size=4)
    checkpoints.read(target, prefix).assert_consumed()
    checkpoints.assert_same(cases.state(target), cases.state(source))


@pytest.mark.parametrize("host_count", [1, 3])
def test_checkpoint_holds_whole_tables_under_their_names(
    cases, checkpoints, features, tmp_path, host_count
):
    """Any TensorFlow program can read a table without knowing of hosts."""
    engine = trained(cases, features, tpu.Adagrad(0.1), host_count)
    prefix = checkpoints.write(engine, tmp_path / "step", host_sharded_options())
    reader = tf.train.load_checkpoint(prefix)
    expected = cases.state(engine)
    for table, variables in expected.items():
        for name, value in variables.items():
            path = table if name == "parameters" else f"{table}.S{name}"
            key = f"embedding/{path}/.ATTRIBUTES/VARIABLE_VALUE"
            np.testing.assert_array_equal(reader.get_tensor(key), value)


def test_host_count_leaves_the_checkpoints_tensors_alone(
    cases, checkpoints, features, tmp_path
):
    contents = []
    for host_count in (1, 2, 3):
        engine = cases.start(features, tpu.Adam(0.1), host_count, batch_size=4)
        path = tmp_path / str(host_count)
        prefix = checkpoints.write(engine, path, host_sharded_options())
        contents.append(dict(tf.train.list_variables(prefix)))
    assert contents[0] == contents[1] == contents[2]


def test_table_with_fewer_rows_than_hosts_restores(cases, checkpoints, tmp_path):
    config = {"clicks": cases.feature(cases.table(rows=2))}
    source = cases.start(config, tpu.Adagrad(0.1), host_count=3)
    prefix = checkpoints.write(source, tmp_path / "step", host_sharded_options())
    target = TPUEmbedding(config, tpu.Adagrad(0.1), hosts=["/CPU:0"])
    checkpoints.read(target, prefix)
    target.build(2)
    checkpoints.assert_same(cases.state(target), cases.state(source))


@pytest.mark.parametrize("restored_on", [1, 3])
def test_unnamed_tables_restore(cases, checkpoints, tmp_path, restored_on):
    config = [cases.feature(cases.table(name=None)) for _ in range(2)]
    source = cases.start(config, tpu.Adagrad(0.1), host_count=2)
    for seed, sharded in enumerate(source.embedding_tables.values()):
        cases.assign(sharded, cases.values(seed=seed))
    prefix = checkpoints.write(source, tmp_path / "step", host_sharded_options())
    target = cases.start(config, tpu.Adagrad(0.1), restored_on)
    checkpoints.read(target, prefix).assert_consumed()
    for seed, sharded in enumerate(target.embedding_tables.values()):
        np.testing.assert_array_equal(cases.read(sharded), cases.values(seed=seed))


def test_newest_of_several_waiting_restores_wins(cases, checkpoints, tmp_path):
    config = {"clicks": cases.feature(cases.table())}
    prefixes = []
    for value in (1.0, 2.0, 3.0):
        source = cases.start(config, tpu.Adagrad(0.1), 2)
        cases.assign(*source.embedding_tables.values(), np.full([11, 3], value))
        prefixes.append(checkpoints.write(source, tmp_path / str(value)))
    target = TPUEmbedding(config, tpu.Adagrad(0.1), hosts=cases.hosts(3))
    for prefix in (prefixes[0], prefixes[2], prefixes[1]):
        checkpoints.read(target, prefix)
    target.build(2)
    np.testing.assert_array_equal(cases.parameters(target), np.full([11, 3], 2.0))
    checkpoints.write(target, tmp_path / "between")
    checkpoints.read(target, prefixes[2])
    np.testing.assert_array_equal(cases.parameters(target), np.full([11, 3], 3.0))


def test_restore_before_build_asks_no_initializer(cases, checkpoints, tmp_path):
    def fails(shape, dtype):
        raise AssertionError("called")

    source = cases.start({"clicks": cases.feature(cases.table())}, tpu.Adagrad(0.1))
    prefix = checkpoints.write(source, tmp_path / "step")
    config = tpu.TableConfig(11, 3, name="items", initializer=fails)
    target = TPUEmbedding(
        {"clicks": cases.feature(config)}, tpu.Adagrad(0.1), hosts=cases.hosts(2)
    )
    status = checkpoints.read(target, prefix)
    target.build(2)
    status.assert_consumed()
    checkpoints.assert_same(cases.state(target), cases.state(source))


def test_asynchronous_checkpoint_restores(cases, checkpoints, features, tmp_path):
    source = trained(cases, features, tpu.Adam(0.1), 3)
    expected = cases.state(source)
    checkpoint = tf.train.Checkpoint(embedding=source)
    options = tf.train.CheckpointOptions(experimental_enable_async_checkpoint=True)
    prefix = checkpoint.save(str(tmp_path / "step"), options=options)
    train(source, steps=1)
    checkpoint.sync()
    target = cases.start(features, tpu.Adam(0.1), 2, batch_size=4)
    checkpoints.read(target, prefix).assert_existing_objects_matched()
    checkpoints.assert_same(cases.state(target), expected)
