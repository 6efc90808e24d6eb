"""Cuts of an engine whose kernels track rows: full and differential, over hosts."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding
from shardline.embedding.native.build import compiler
from shardline.embedding.native.library import CHOICE, missing_reason
from shardline.embedding.tables import sharded_variable

ROWS = {"items": 50_000, "users": 2, "one": 1}
DIMS = {"items": 16, "users": 3, "one": 5}
BATCH = 64

pytestmark = pytest.mark.skipif(compiler() is None, reason=missing_reason())
tpu = tf.tpu.experimental.embedding


class Trained:
    """An engine over hosts, and the rows that its steps touched."""

    def __init__(self, hosts, **options):
        optimizers = {
            "items": tpu.Adam(0.1),
            "users": tpu.Adagrad(0.1),
            "one": tpu.SGD(0.1),
        }
        self.tables = [
            tpu.TableConfig(
                ROWS[name], DIMS[name], optimizer=optimizers[name], name=name
            )
            for name in ROWS
        ]
        features = [tpu.FeatureConfig(table) for table in self.tables]
        self.engine = TPUEmbedding(features, hosts=hosts, **options)
        self.engine.build(BATCH)
        self.rng = np.random.default_rng(3)
        self.touched = {name: set() for name in ROWS}

    def step(self):
        ids = [self.rng.integers(0, rows, BATCH) for rows in ROWS.values()]
        self.engine.enqueue([tf.constant(of_table) for of_table in ids])
        activations = self.engine.dequeue()
        self.engine.apply_gradients([tf.ones_like(a) for a in activations])
        for touched, of_table in zip(self.touched.values(), ids, strict=True):
            touched.update(of_table.tolist())


@pytest.fixture(params=[1, 3])
def trained(request, cases, monkeypatch):
    monkeypatch.setenv(CHOICE, "native")
    return Trained(cases.hosts(request.param))


def test_full_cut_holds_all_rows_while_training_goes_on(trained, cut_files, tmp_path):
    engine = trained.engine
    trained.step()
    expected = cut_files.values(engine)
    cut = engine.cut(False, str(tmp_path))
    assert cut.rows == ROWS
    assert not cut.in_pause
    for _ in range(3):
        trained.step()
    written = cut_files.write(cut, len(engine.hosts), tmp_path)
    cut.end(True)
    np.testing.assert_equal(cut_files.held(written, DIMS), expected)
    # The first row of each piece is the table's.
    for _, pieces in written:
        for piece in pieces:
            part = expected[piece.table, piece.tensor][piece.first :][: piece.count]
            assert len(part) == piece.count


def test_differential_cut_holds_the_rows_touched_since(trained, cut_files, tmp_path):
    engine = trained.engine
    engine.cut(False, str(tmp_path)).end(True)
    for _ in range(2):
        trained.step()
        counts = {name: len(rows) for name, rows in trained.touched.items()}
        assert engine.touched_rows() == counts
        expected = cut_files.values(engine)
        cut = engine.cut(True, str(tmp_path))
        assert cut.rows == counts
        rows = {name: sorted(rows) for name, rows in trained.touched.items()}
        trained.touched = {name: set() for name in ROWS}
        trained.step()
        held = cut_files.held(cut_files.write(cut, len(engine.hosts), tmp_path), DIMS)
        cut.end(True)
        for name in ROWS:
            np.testing.assert_array_equal(held.pop((name, "rows")), rows[name])
        assert held.keys() == expected.keys()
        for key, values in held.items():
            np.testing.assert_array_equal(values, expected[key][rows[key[0]]])


def test_failed_cut_leaves_its_rows_touched(trained, tmp_path):
    engine = trained.engine
    engine.cut(False, str(tmp_path)).end(True)
    trained.step()
    engine.cut(True, str(tmp_path)).end(False)
    trained.step()
    counts = {name: len(rows) for name, rows in trained.touched.items()}
    assert engine.touched_rows() == counts


def test_second_cut_is_refused_on_every_host_and_the_first_goes_on(
    trained, cut_files, tmp_path
):
    engine = trained.engine
    first = engine.cut(False, str(tmp_path))
    trained.step()
    with pytest.raises(tf.errors.FailedPreconditionError, match="not ended yet"):
        engine.cut(True, str(tmp_path))
    written = cut_files.write(first, len(engine.hosts), tmp_path)
    assert cut_files.held(written, DIMS)["items", "parameters"].shape == (50_000, 16)
    first.end(True)
    engine.cut(True, str(tmp_path)).end(True)


def test_training_goes_on_while_a_disk_does_not_answer(trained, cut_files, tmp_path):
    engine = trained.engine
    cut = engine.cut(False, str(tmp_path))
    hanging = cut_files.HangingWrite(cut, 0, tmp_path)
    for _ in range(3):
        trained.step()
    hanging.release()
    assert isinstance(hanging.error, tf.errors.OpError)
    assert str(tmp_path / "hangs") in str(hanging.error)
    cut.end(False)


def test_restored_tables_are_touched_whole_until_a_set_holds_them(
    trained, tmp_path, checkpoints
):
    engine = trained.engine
    saved = tf.train.Checkpoint(engine=engine)
    path = saved.write(str(tmp_path / "saved"))
    engine.cut(False, str(tmp_path)).end(True)
    trained.step()
    saved.read(path).assert_consumed()
    assert engine.touched_rows() == ROWS
    engine.forget_touched_rows()
    assert engine.touched_rows() == dict.fromkeys(ROWS, 0)
    trained.touched = {name: set() for name in ROWS}
    trained.step()
    counts = {name: len(rows) for name, rows in trained.touched.items()}
    assert engine.touched_rows() == counts


def test_restore_makes_a_cut_void(trained, tmp_path):
    engine = trained.engine
    saved = tf.train.Checkpoint(engine=engine)
    path = saved.write(str(tmp_path / "saved"))
    cut = engine.cut(False, str(tmp_path))
    saved.read(path).assert_consumed()
    with pytest.raises(tf.errors.FailedPreconditionError, match="no cut"):
        cut.write(0, str(tmp_path / "shard"))
    cut.end(False)
    assert engine.touched_rows() == ROWS


def test_host_without_rows_writes_an_empty_file(
    cases, cut_files, tmp_path, monkeypatch
):
    monkeypatch.setenv(CHOICE, "native")
    feature = tpu.FeatureConfig(tpu.TableConfig(2, 3, name="users"))
    engine = TPUEmbedding([feature], tpu.SGD(0.1), hosts=cases.hosts(3))
    engine.build(2)
    written = cut_files.write(engine.cut(False, str(tmp_path)), 3, tmp_path)
    assert [len(pieces) for _, pieces in written] == [1, 1, 0]
    assert written[2][0].read_bytes() == b""


def test_update_that_is_held_back_is_in_the_cut(
    cases, cut_files, tmp_path, monkeypatch
):
    monkeypatch.setenv(CHOICE, "native")
    trained = Trained(cases.hosts(1), pipeline_execution_with_tensor_core=True)
    trained.engine.cut(False, str(tmp_path)).end(True)
    trained.step()
    assert trained.engine.touched_rows() == dict.fromkeys(ROWS, 0)
    cut = trained.engine.cut(True, str(tmp_path))
    assert cut.rows == {name: len(rows) for name, rows in trained.touched.items()}
    expected = cut_files.values(trained.engine)
    held = cut_files.held(cut_files.write(cut, 1, tmp_path), DIMS)
    rows = held["items", "rows"]
    np.testing.assert_array_equal(
        held["items", "parameters"], expected["items", "parameters"][rows]
    )


def test_a_cut_ends_on_the_hosts_that_are_there(cases, tmp_path, monkeypatch):
    monkeypatch.setenv(CHOICE, "native")
    engine = Trained(cases.hosts(2)).engine
    cut = engine.cut(False, str(tmp_path))

    def fail(_):
        raise tf.errors.UnavailableError(None, None, "the host is gone")

    lost, there = cut._trackers
    with monkeypatch.context() as patch:
        patch.setattr(lost, "end_cut", fail)
        with pytest.raises(tf.errors.UnavailableError):
            cut.end(True)
    there.begin_cut(False, str(tmp_path))


def test_a_cut_is_void_before_a_restore_changes_rows(trained, tmp_path, monkeypatch):
    engine = trained.engine
    saved = tf.train.Checkpoint(engine=engine)
    path = saved.write(str(tmp_path / "saved"))
    cut = engine.cut(False, str(tmp_path))
    saveable = sharded_variable._ShardSaveable
    stream = saveable.stream

    def write_first(*arguments):
        with pytest.raises(tf.errors.FailedPreconditionError, match="no cut"):
            cut.write(0, str(tmp_path / "shard"))
        stream(*arguments)

    monkeypatch.setattr(saveable, "stream", write_first)
    saved.read(path).assert_consumed()
    cut.end(False)
