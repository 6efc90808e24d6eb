"""Rows that go are kept, as the checkpoint had them."""

import numpy as np
import pytest
from shardline_tests import load

from shardline.embedding.checkpoint import pieces
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.saver import SetSaver
from shardline.embedding.checkpoint.warm_start.archive import archive_path, archive_rows
from shardline.embedding.checkpoint.warm_start.object_source import ObjectSource
from shardline.embedding.checkpoint.warm_start.set_source import SetSource

tables = load("embedding/checkpoint/warm_start/tables.py")


def assert_kept(folder, table, rows, before):
    assert np.load(archive_path(folder, table, "rows")).tolist() == rows.tolist()
    kept = {
        tensor: np.load(archive_path(folder, table, tensor), mmap_mode="r")
        for tensor in before
    }
    wanted = {tensor: values[rows] for tensor, values in before.items()}
    tables.assert_same({k: np.array(v) for k, v in kept.items()}, wanted)


@pytest.mark.parametrize("count", [0, 1, 60, 150])
def test_rows_and_slots_are_kept_bit_by_bit(tmp_path, monkeypatch, count):
    monkeypatch.setattr(pieces, "SLICE_BYTES", 16 * 16)
    saved = tables.engine_of({"a/b": (150, 3, "adam")}, 3)
    tables.fill(saved, 0)
    source = ObjectSource(tables.write(saved, tmp_path / "checkpoint"), ["a/b"])
    rows = np.sort(np.random.default_rng(0).permutation(150)[:count])

    archive_rows(source, "a/b", rows, tmp_path)

    assert_kept(tmp_path, "a/b", rows, tables.content(saved)["a/b"])


@pytest.mark.usefixtures("native_kernels")
def test_rows_of_a_chain_are_kept_as_the_last_set_has_them(tmp_path):
    training = load("embedding/checkpoint/sets/training.py")
    small = training.SmallTraining(2)
    with SetSaver(tmp_path / "sets", small.engine, lineage={}) as saver:
        for _ in range(3):
            small.train()
            saver.save(small.step, small.variables, {})
            saver.wait()
    folder = SetFolder(tmp_path / "sets")
    rows = np.arange(0, 2000, 2)

    archive_rows(SetSource(folder, folder.sets()[-1]), "wide", rows, tmp_path)

    assert_kept(tmp_path, "wide", rows, tables.content(small.engine)["wide"])
