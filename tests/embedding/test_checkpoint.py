"""Checkpoints: a file for each host, and back onto any number of hosts."""

import os
import re

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.distribute.sharded_variable import ShardedVariable

from embedding import TPUEmbedding, sharded_variable
from embedding.checkpoint import check_contents, host_sharded_options
from embedding.checkpoint_index import StoredRows, stored_rows
from embedding.sharded_variable import RowShardedVariable

tpu = tf.tpu.experimental.embedding

OPTIMIZERS = [tpu.SGD, tpu.Adagrad, tpu.AdagradMomentum, tpu.Adam, tpu.FTRL]
HOST_PAIRS = [(m, n) for m in (1, 2, 3) for n in (1, 2, 3)]


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


def write(engine, path, options=None):
    return tf.train.Checkpoint(embedding=engine).write(str(path), options=options)


def read(engine, path):
    return tf.train.Checkpoint(embedding=engine).read(path)


def assert_same(got, expected):
    assert got.keys() == expected.keys()
    for table, variables in expected.items():
        assert got[table].keys() == variables.keys()
        for name, value in variables.items():
            np.testing.assert_array_equal(
                got[table][name], value, err_msg=f"{table}: {name}"
            )


def data_files(path):
    return sorted(path.parent.glob(f"{path.name}.data-*"))


@pytest.mark.parametrize(("saved_on", "restored_on"), HOST_PAIRS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_restore_onto_any_hosts_gives_the_same_tables_and_slots(
    cases, features, tmp_path, optimizer, saved_on, restored_on
):
    source = trained(cases, features, optimizer(0.1), saved_on)
    prefix = write(source, tmp_path / "step", host_sharded_options())
    target = cases.start(features, optimizer(0.1), restored_on, batch_size=4)
    read(target, prefix).assert_consumed()
    assert_same(cases.state(target), cases.state(source))


@pytest.mark.parametrize(("saved_on", "restored_on"), HOST_PAIRS)
def test_restore_before_build_gives_the_same_tables_and_slots(
    cases, features, tmp_path, saved_on, restored_on
):
    source = trained(cases, features, tpu.Adam(0.1), saved_on)
    prefix = write(source, tmp_path / "step", host_sharded_options())
    target = TPUEmbedding(features, tpu.Adam(0.1), hosts=cases.hosts(restored_on))
    status = read(target, prefix)
    target.build(4)
    status.assert_consumed()
    assert_same(cases.state(target), cases.state(source))


@pytest.mark.parametrize("saved_on", [1, 2, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_restore_into_a_lookup_engine_gives_the_tables(
    cases, features, tmp_path, optimizer, saved_on
):
    source = trained(cases, features, optimizer(0.1), saved_on)
    prefix = write(source, tmp_path / "step", host_sharded_options())
    target = TPUEmbedding(features, hosts=["/CPU:0"])
    target.build()
    read(target, prefix).expect_partial().assert_existing_objects_matched()
    parameters = {
        table: {"parameters": variables["parameters"]}
        for table, variables in cases.state(source).items()
    }
    assert_same(cases.state(target), parameters)


@pytest.mark.parametrize(("saved_on", "restored_on"), [(1, 3), (3, 2), (2, 2)])
def test_training_goes_on_after_restore_as_if_never_stopped(
    cases, features, tmp_path, saved_on, restored_on
):
    source = trained(cases, features, tpu.Adam(0.1), saved_on)
    prefix = write(source, tmp_path / "step", host_sharded_options())
    target = TPUEmbedding(features, tpu.Adam(0.1), hosts=cases.hosts(restored_on))
    read(target, prefix)
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
    cases, tmp_path, optimizer, copies, host_count
):
    config = cases.feature(cases.table(rows=3001, dim=8))
    engine = cases.start(config, optimizer(0.1), host_count)
    prefix = tmp_path / "step"
    write(engine, prefix, host_sharded_options())
    files = data_files(prefix)
    assert len(files) == host_count
    table_bytes = 3001 * 8 * 4 * copies
    for file in files:
        share = os.path.getsize(file) / table_bytes
        assert share == pytest.approx(1 / host_count, rel=0.02)


def test_files_hold_no_row_twice(cases, features, tmp_path):
    engine = cases.start(features, tpu.Adam(0.1), 3, batch_size=4)
    prefix = tmp_path / "step"
    write(engine, prefix, host_sharded_options())
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


def test_checkpoint_manager_writes_and_restores(cases, features, tmp_path):
    engine = trained(cases, features, tpu.Adagrad(0.1), 3)
    expected = cases.state(engine)
    checkpoint = tf.train.Checkpoint(embedding=engine)
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path), max_to_keep=2)
    manager.save(options=host_sharded_options())
    train(engine, steps=1)
    checkpoint.restore(manager.latest_checkpoint).assert_consumed()
    assert_same(cases.state(engine), expected)


def test_default_options_write_what_any_hosts_restore(cases, features, tmp_path):
    source = trained(cases, features, tpu.Adagrad(0.1), 3)
    prefix = write(source, tmp_path / "step")
    target = cases.start(features, tpu.Adagrad(0.1), 2, batch_size=4)
    read(target, prefix).assert_consumed()
    assert_same(cases.state(target), cases.state(source))


@pytest.mark.parametrize("host_count", [1, 3])
def test_checkpoint_holds_whole_tables_under_their_names(
    cases, features, tmp_path, host_count
):
    """Any TensorFlow program can read a table without knowing of hosts."""
    engine = trained(cases, features, tpu.Adagrad(0.1), host_count)
    prefix = write(engine, tmp_path / "step", host_sharded_options())
    reader = tf.train.load_checkpoint(prefix)
    expected = cases.state(engine)
    for table, variables in expected.items():
        for name, value in variables.items():
            path = table if name == "parameters" else f"{table}.S{name}"
            key = f"embedding/{path}/.ATTRIBUTES/VARIABLE_VALUE"
            np.testing.assert_array_equal(reader.get_tensor(key), value)


def test_host_count_leaves_the_checkpoints_tensors_alone(cases, features, tmp_path):
    contents = []
    for host_count in (1, 2, 3):
        engine = cases.start(features, tpu.Adam(0.1), host_count, batch_size=4)
        path = tmp_path / str(host_count)
        prefix = write(engine, path, host_sharded_options())
        contents.append(dict(tf.train.list_variables(prefix)))
    assert contents[0] == contents[1] == contents[2]


def test_table_with_fewer_rows_than_hosts_restores(cases, tmp_path):
    config = {"clicks": cases.feature(cases.table(rows=2))}
    source = cases.start(config, tpu.Adagrad(0.1), host_count=3)
    prefix = write(source, tmp_path / "step", host_sharded_options())
    target = TPUEmbedding(config, tpu.Adagrad(0.1), hosts=["/CPU:0"])
    read(target, prefix)
    target.build(2)
    assert_same(cases.state(target), cases.state(source))


@pytest.mark.parametrize("restored_on", [1, 3])
def test_unnamed_tables_restore(cases, tmp_path, restored_on):
    config = [cases.feature(cases.table(name=None)) for _ in range(2)]
    source = cases.start(config, tpu.Adagrad(0.1), host_count=2)
    for seed, sharded in enumerate(source.embedding_tables.values()):
        cases.assign(sharded, cases.values(seed=seed))
    prefix = write(source, tmp_path / "step", host_sharded_options())
    target = cases.start(config, tpu.Adagrad(0.1), restored_on)
    read(target, prefix).assert_consumed()
    for seed, sharded in enumerate(target.embedding_tables.values()):
        np.testing.assert_array_equal(cases.read(sharded), cases.values(seed=seed))


@pytest.fixture
def small_slices(monkeypatch):
    """Makes a slice of a [n, 16] table hold 32 rows."""
    monkeypatch.setattr(sharded_variable, "SLICE_BYTES", 32 * 16 * 4)


def sharded(*row_counts, dim=16, value=None):
    """Returns a variable with one shard a row count, over the logical hosts."""
    rows = sum(row_counts)
    whole = np.arange(rows * dim, dtype=np.float32).reshape([rows, dim])
    whole = whole if value is None else np.full_like(whole, value)
    shards = np.split(whole, np.cumsum(row_counts)[:-1])
    variables = []
    for host, shard in enumerate(shards):
        with tf.device(f"/CPU:{host}"):
            variables.append(tf.Variable(shard))
    return RowShardedVariable(variables, "items")


def row_ranges(prefix, key):
    """Returns the row ranges in which a checkpoint stores a tensor."""
    return [(piece.first, piece.last) for piece in stored_rows(prefix, key)]


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("restored_on", [(150,), (75, 75), (1, 148, 1)])
@pytest.mark.parametrize("saved_on", [(150,), (75, 75), (50, 50, 50), (33, 1, 116)])
def test_many_slices_restore_into_any_shards(cases, tmp_path, saved_on, restored_on):
    source, target = sharded(*saved_on), sharded(*restored_on, value=-1)
    prefix = write(source, tmp_path / "step", host_sharded_options())
    read(target, prefix).assert_consumed()
    np.testing.assert_array_equal(cases.read(target), cases.read(source))


@pytest.mark.usefixtures("small_slices")
def test_shards_are_stored_in_slices_of_bounded_size(tmp_path):
    prefix = write(sharded(70, 33), tmp_path / "step")
    key = "embedding/.ATTRIBUTES/VARIABLE_VALUE"
    expected = [(0, 32), (32, 64), (64, 70), (70, 102), (102, 103)]
    assert row_ranges(prefix, key) == expected
    tensor = tf.train.load_checkpoint(prefix).get_tensor(key)
    np.testing.assert_array_equal(tensor, np.arange(103 * 16).reshape([103, 16]))


@pytest.mark.parametrize("dim", [1, 3, 16, 2**23, 2**24 + 1])
def test_slice_of_a_wide_table_holds_sixteen_rows_or_more(dim):
    rows = sharded_variable._rows_of(tf.TensorSpec([100, dim], tf.float32), 2**25)
    assert rows % 16 == 0
    assert rows == 16 or rows * dim * 4 <= 2**25


def address_of(tensor):
    """Returns where a tensor's values are in memory."""
    return np.asarray(memoryview(tensor)).ctypes.data


@pytest.mark.usefixtures("small_slices")
def test_saving_hands_over_views_of_the_shard_instead_of_copies():
    # 3 columns: rows themselves are not aligned.
    source = sharded(500, dim=3)
    (saveable,) = source._gather("key")
    address = address_of(source.variables[0].read_value_no_copy())
    assert len(saveable.specs) == 4
    row = 0
    for spec in saveable.specs[:-1]:
        view = spec.tensor
        assert address_of(view) == address + row * 3 * 4
        row += len(view)
    assert row + len(saveable.specs[-1].tensor) == 500


def test_update_after_a_save_began_does_not_change_what_is_saved(cases):
    source = sharded(4, dim=16)
    before = cases.read(source)
    (saveable,) = source._gather("key")
    view = saveable.specs[0].tensor
    sharded_variable.write_rows(source.variables[0], 1, tf.fill([2, 16], -1.0))
    np.testing.assert_array_equal(view, before)
    np.testing.assert_array_equal(cases.read(source)[:, 0], [0, -1, -1, 48])


def test_restored_rows_are_read_once_and_by_no_one_else(tmp_path, monkeypatch):
    asked = []
    restore = tf.raw_ops.RestoreV2

    def spy(**arguments):
        asked.extend(arguments["shape_and_slices"])
        return restore(**arguments)

    prefix = write(sharded(3, 3), tmp_path / "step")
    monkeypatch.setattr(tf.raw_ops, "RestoreV2", spy)
    target = sharded(4, 2, value=0)
    status = read(target, prefix)
    assert asked == ["6 16 0,3:0,16", "6 16 3,1:0,16", "6 16 4,2:0,16"]
    assert target._gather("again")[0].specs  # A save still finds the slices.
    status.assert_consumed()


def test_restored_variable_tells_when_it_was_read(tmp_path):
    prefix = write(sharded(3, 3), tmp_path / "step")
    target, told = sharded(6, value=0), []
    target.after_restore = lambda: told.append(target.variables[0].numpy()[5, 15])
    write(target, tmp_path / "other")
    assert told == []
    read(target, prefix)
    assert told == [95.0]


def test_newest_of_several_waiting_restores_wins(cases, tmp_path):
    config = {"clicks": cases.feature(cases.table())}
    prefixes = []
    for value in (1.0, 2.0, 3.0):
        source = cases.start(config, tpu.Adagrad(0.1), 2)
        cases.assign(*source.embedding_tables.values(), np.full([11, 3], value))
        prefixes.append(write(source, tmp_path / str(value)))
    target = TPUEmbedding(config, tpu.Adagrad(0.1), hosts=cases.hosts(3))
    for prefix in (prefixes[0], prefixes[2], prefixes[1]):
        read(target, prefix)
    target.build(2)
    np.testing.assert_array_equal(cases.parameters(target), np.full([11, 3], 2.0))
    write(target, tmp_path / "between")
    read(target, prefixes[2])
    np.testing.assert_array_equal(cases.parameters(target), np.full([11, 3], 3.0))


def test_restore_before_build_asks_no_initializer(cases, tmp_path):
    def fails(shape, dtype):
        raise AssertionError("called")

    source = cases.start({"clicks": cases.feature(cases.table())}, tpu.Adagrad(0.1))
    prefix = write(source, tmp_path / "step")
    config = tpu.TableConfig(11, 3, name="items", initializer=fails)
    target = TPUEmbedding(
        {"clicks": cases.feature(config)}, tpu.Adagrad(0.1), hosts=cases.hosts(2)
    )
    status = read(target, prefix)
    target.build(2)
    status.assert_consumed()
    assert_same(cases.state(target), cases.state(source))


def test_asynchronous_checkpoint_restores(cases, features, tmp_path):
    source = trained(cases, features, tpu.Adam(0.1), 3)
    expected = cases.state(source)
    checkpoint = tf.train.Checkpoint(embedding=source)
    options = tf.train.CheckpointOptions(experimental_enable_async_checkpoint=True)
    prefix = checkpoint.save(str(tmp_path / "step"), options=options)
    train(source, steps=1)
    checkpoint.sync()
    target = cases.start(features, tpu.Adam(0.1), 2, batch_size=4)
    read(target, prefix).assert_existing_objects_matched()
    assert_same(cases.state(target), expected)


@pytest.mark.usefixtures("small_slices")
def test_saved_model_of_a_sharded_variable_serves_its_rows(cases, tmp_path):
    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
        def rows(self, ids):
            return tf.nn.embedding_lookup(self.table.variables, ids)

    model = Model()
    model.table = sharded(70, 33)
    tf.saved_model.save(model, str(tmp_path / "model"), signatures=model.rows)
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    got = served(tf.range(103, dtype=tf.int64))["output_0"]
    np.testing.assert_array_equal(got, cases.read(model.table))


def test_restore_in_a_graph_is_refused(tmp_path):
    prefix = write(sharded(6, 5), tmp_path / "step")
    with (
        tf.Graph().as_default(),
        tf.compat.v1.Session(),
        pytest.raises(RuntimeError, match="'items' is restored in a graph; host-sha"),
    ):
        read(sharded(6, 5), prefix)


def test_big_piece_of_another_type_is_left_to_tensorflow(tmp_path, monkeypatch):
    monkeypatch.setattr(sharded_variable, "BIG_PIECE_BYTES", 0)
    source = tf.Variable(tf.ones([6, 16], tf.int32))
    prefix = write(source, tmp_path / "step")
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected dtype float"):
        read(sharded(6), prefix)


def test_index_of_many_tensors_is_read_whole(tmp_path):
    variables = {f"v{at}": tf.Variable(tf.zeros([at + 1, 2])) for at in range(700)}
    prefix = tf.train.Checkpoint(**variables).write(str(tmp_path / "step"))
    for at in (0, 1, 350, 699):
        key = f"v{at}/.ATTRIBUTES/VARIABLE_VALUE"
        assert row_ranges(prefix, key) == [(0, at + 1)]


@pytest.mark.parametrize("shards", [(3000,), (1, 2999), (1500, 1500), (10, 2980, 10)])
@pytest.mark.parametrize("dim", [1, 3, 17])
def test_index_tells_where_the_rows_of_each_piece_are(tmp_path, shards, dim):
    source = ShardedVariable(sharded(*shards, dim=dim).variables, "items")
    prefix = write(source, tmp_path / "step", host_sharded_options())
    pieces = stored_rows(prefix, "embedding/.ATTRIBUTES/VARIABLE_VALUE")
    assert [piece.last - piece.first for piece in pieces] == list(shards)
    for piece in pieces:
        first = max(piece.last - 5, piece.first)
        values = np.frombuffer(piece.read(first, piece.last), np.float32)
        np.testing.assert_array_equal(values, np.arange(first * dim, piece.last * dim))


@pytest.mark.parametrize("restored_on", [(150,), (75, 75), (1, 148, 1)])
@pytest.mark.parametrize("saved_on", [(150,), (75, 75), (33, 1, 116)])
def test_big_pieces_of_tensorflows_variables_are_read_in_parts(
    cases, tmp_path, monkeypatch, saved_on, restored_on
):
    source = sharded(*saved_on)
    plain = ShardedVariable(source.variables, "items")
    prefix = write(plain, tmp_path / "step", host_sharded_options())
    monkeypatch.setattr(sharded_variable, "SLICE_BYTES", 4 * 16 * 16 * 4)
    monkeypatch.setattr(sharded_variable, "BIG_PIECE_BYTES", 0)
    read_bytes = []
    read_piece = StoredRows.read

    def spy(*arguments):
        read_bytes.append(len(read_piece(*arguments)))
        return read_piece(*arguments)

    monkeypatch.setattr(StoredRows, "read", spy)
    target = sharded(*restored_on, value=-1)
    read(target, prefix).assert_consumed()
    np.testing.assert_array_equal(cases.read(target), cases.read(source))
    assert max(read_bytes) == 16 * 16 * 4


def test_data_file_that_ends_too_early_is_refused(tmp_path):
    prefix = write(sharded(100), tmp_path / "step")
    (piece,) = stored_rows(prefix, "embedding/.ATTRIBUTES/VARIABLE_VALUE")
    (file,) = data_files(tmp_path / "step")
    file.write_bytes(file.read_bytes()[: 50 * 16 * 4])
    assert len(piece.read(32, 48)) == 16 * 16 * 4
    with pytest.raises(ValueError, match="ends within the rows 48 to 64: the checkpo"):
        piece.read(48, 64)


def test_index_without_the_tensor_is_refused(tmp_path):
    prefix = write(sharded(3), tmp_path / "step")
    with pytest.raises(ValueError, match="holds no tensor 'items'"):
        stored_rows(prefix, "items")


def test_file_that_is_no_index_is_refused(tmp_path):
    (tmp_path / "step.index").write_bytes(b"something else" * 9)
    with pytest.raises(ValueError, match=r"step.index is not the index of a TensorFl"):
        stored_rows(str(tmp_path / "step"), "items")


def test_compressed_index_is_refused(tmp_path):
    prefix = write(sharded(3), tmp_path / "step")
    index = bytearray((tmp_path / "step.index").read_bytes())
    # The type byte of the last block stands before its checksum and the footer.
    index[-48 - 5] = 1
    (tmp_path / "step.index").write_bytes(bytes(index))
    with pytest.raises(ValueError, match=r"step\.index is compressed"):
        stored_rows(prefix, "items")


def test_variable_of_another_shape_is_refused_by_name(tmp_path):
    prefix = write(sharded(3, 3), tmp_path / "step")
    message = r"has the shape \[6, 16\]; the variable 'items' .* has \[7, 16\]"
    with pytest.raises(ValueError, match=message):
        read(sharded(4, 3), prefix)


def named(cases, optimizer=None, **tables):
    """Returns an unbuilt engine with a table of each name and [rows, dim]."""
    config = {
        name: cases.feature(cases.table(name=name, rows=rows, dim=dim))
        for name, (rows, dim) in tables.items()
    }
    return TPUEmbedding(config, optimizer, hosts=cases.hosts(2))


SAVED = {"items": (11, 3), "user": (7, 2)}
MISFITS = [
    (tpu.SGD, SAVED | {"brand": (5, 2)}, tpu.SGD, ["table 'brand' is missing"]),
    (tpu.SGD, {"items": (11, 3)}, tpu.SGD, ["table 'user' is unknown to the engine"]),
    (
        tpu.SGD,
        {"items": (11, 3), "users": (7, 2)},
        tpu.SGD,
        ["table 'user' is unknown", "table 'users' is missing"],
    ),
    (
        tpu.SGD,
        SAVED | {"items": (12, 3)},
        tpu.SGD,
        [r"table 'items' has the shape \[11, 3\] in the checkpoint, \[12, 3\] in the"],
    ),
    (
        tpu.SGD,
        SAVED | {"items": (11, 4)},
        tpu.SGD,
        [r"table 'items' has the shape \[11, 3\] in the checkpoint, \[11, 4\] in the"],
    ),
    (
        tpu.SGD,
        SAVED,
        tpu.Adagrad,
        ["slot 'items/accumulators' is missing", "slot 'user/accumulators' is missing"],
    ),
    (tpu.Adagrad, SAVED, tpu.SGD, ["slot 'items/accumulators' is unknown"]),
    (
        tpu.Adam,
        SAVED,
        tpu.FTRL,
        ["slot 'items/linears' is missing", "slot 'items/momenta' is unknown"],
    ),
    (tpu.SGD, {"a": (1, 1)}, tpu.SGD, ["table 'a' is missing", "holds no table"]),
]


@pytest.mark.parametrize("is_built", [True, False], ids=["after", "before"])
@pytest.mark.parametrize(("saved_by", "tables", "restored_by", "messages"), MISFITS)
def test_checkpoint_that_does_not_fit_is_refused_by_name(
    cases, tmp_path, saved_by, tables, restored_by, messages, is_built
):
    source = named(cases, saved_by(0.1), **SAVED)
    source.build(2)
    prefix = write(source, tmp_path / "step")
    target = named(cases, restored_by(0.1), **tables)
    if is_built:
        target.build(2)
        before = cases.state(target)
    with pytest.raises(ValueError, match="does not fit the engine") as raised:
        tf.train.Checkpoint(embedding=target, step=tf.Variable(0)).restore(prefix)
    for message in messages:
        assert re.search(message, str(raised.value)), raised.value
    if is_built:
        assert_same(cases.state(target), before)


def test_misfit_tells_what_each_side_has(cases, tmp_path):
    source = named(cases, tpu.SGD(0.1), **SAVED)
    source.build(2)
    prefix = write(source, tmp_path / "step")
    message = (
        r"The checkpoint holds items \[11, 3\], user \[7, 2\]; the engine wants "
        r"brand \[5, 1\], items \[11, 3\]\. Restore with"
    )
    with pytest.raises(ValueError, match=message):
        read(named(cases, tpu.SGD(0.1), items=(11, 3), brand=(5, 1)), prefix)


def test_several_engines_restore_from_one_checkpoint(cases, tmp_path):
    """Each is compared with its own part; here one's tables are among the other's."""
    first = {"items": (11, 3)}
    engines = [named(cases, tpu.Adagrad(0.1), **tables) for tables in (first, SAVED)]
    for engine in engines:
        engine.build(2)
    path = str(tmp_path / "step")
    prefix = tf.train.Checkpoint(a=engines[0], b=engines[1]).write(path)
    again = [named(cases, tpu.Adagrad(0.1), **tables) for tables in (first, SAVED)]
    status = tf.train.Checkpoint(a=again[0], b=again[1]).read(prefix)
    for engine in again:
        engine.build(2)
    status.assert_consumed()
    for got, expected in zip(again, engines, strict=True):
        assert_same(cases.state(got), cases.state(expected))


def test_lookup_engine_must_find_its_tables_too(cases, tmp_path):
    source = named(cases, tpu.Adam(0.1), **SAVED)
    source.build(2)
    prefix = write(source, tmp_path / "step")
    with pytest.raises(ValueError, match="table 'brand' is missing"):
        read(named(cases, **SAVED, brand=(5, 1)), prefix)


def test_checkpoint_without_objects_is_refused(cases, tmp_path):
    with pytest.raises(ValueError, match="table 'items' is missing from the checkpoi"):
        check_contents(nameless(tmp_path), named(cases, **SAVED)._table_specs)


def nameless(tmp_path):
    """Writes a checkpoint that holds a tensor, but no object."""
    prefix = str(tmp_path / "step")
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=["x"],
        shape_and_slices=[""],
        tensors=[tf.zeros([2])],
    )
    return prefix


@pytest.mark.parametrize("rows", [10, 12])
@pytest.mark.parametrize("restored_on", [1, 2, 3])
def test_restore_into_another_vocabulary_is_refused(cases, tmp_path, rows, restored_on):
    source = cases.start({"clicks": cases.feature(cases.table())}, tpu.SGD(0.1), 2)
    prefix = write(source, tmp_path / "step", host_sharded_options())
    config = {"clicks": cases.feature(cases.table(rows=rows))}
    target = cases.start(config, tpu.SGD(0.1), restored_on)
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="items"):
        read(target, prefix)
