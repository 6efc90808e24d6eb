"""The cut of variables that nothing tracks: whole tables, by TensorFlow's own op."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding
from shardline.embedding.native.library import CHOICE

# Of several pieces, of one row a host, and of one row.
DIMS = {"items": 64, "users": 3, "one": 5}
ROWS = {"items": 100_003, "users": 3, "one": 1}
tpu = tf.tpu.experimental.embedding


@pytest.fixture(params=[1, 3])
def engine(request, cases, monkeypatch):
    monkeypatch.setenv(CHOICE, "stock")
    tables = [tpu.TableConfig(ROWS[name], DIMS[name], name=name) for name in ROWS]
    engine = TPUEmbedding(
        [tpu.FeatureConfig(table) for table in tables],
        tpu.Adam(0.1),
        hosts=cases.hosts(request.param),
    )
    engine.build(4)
    engine.enqueue([tf.constant([0, 0, 0, 0], tf.int64)] * 3)
    engine.apply_gradients([tf.ones_like(a) for a in engine.dequeue()])
    return engine


def test_cut_in_the_pause_holds_all_rows(engine, cut_files, tmp_path):
    expected = cut_files.values(engine)
    cut = engine.cut(False, str(tmp_path))
    assert cut.in_pause
    assert cut.rows == ROWS
    hosts = len(engine.hosts)
    written = cut_files.write(cut, hosts, tmp_path)
    cut.end(True)
    np.testing.assert_equal(cut_files.held(written, DIMS), expected)
    for _, pieces in written:
        for piece in pieces:
            assert piece.bytes <= 8 << 20
            part = expected[piece.table, piece.tensor][piece.first :][: piece.count]
            assert len(part) == piece.count
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"host{host}" for host in range(hosts)}


def test_rows_are_not_tracked_and_differential_cuts_are_refused(engine, tmp_path):
    assert engine.touched_rows() is None
    engine.forget_touched_rows()
    with pytest.raises(ValueError, match="does not track which rows"):
        engine.cut(True, str(tmp_path))


def test_missing_folder_is_said(engine, tmp_path):
    cut = engine.cut(False, str(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(tf.errors.OpError, match="file/shard"):
        cut.write(0, str(tmp_path / "file" / "shard"))
