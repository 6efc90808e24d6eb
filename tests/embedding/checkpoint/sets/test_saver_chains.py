"""On what the next set builds: nothing that is elsewhere, damaged or left behind."""

import pytest
from shardline_tests import load

from shardline.embedding.checkpoint.sets.compaction import MAX_DEPTH
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.restore import restore_set
from shardline.embedding.checkpoint.sets.retention import Keep
from shardline.embedding.checkpoint.sets.saver import SetSaver

training = load("embedding/checkpoint/sets/training.py")
LINEAGE = training.LINEAGE

pytestmark = pytest.mark.usefixtures("native_kernels")


@pytest.fixture
def small():
    return training.SmallTraining(hosts=2)


def save(saver, small):
    return saver.save(small.step, small.variables, {})


def _assert_holds(path, content):
    training.assert_same(training.restored(SetFolder(path)).content(), content)


def test_steps_do_not_go_back(tmp_path, small):
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        small.train(5)
        save(saver, small)
        saver.wait()
        with pytest.raises(ValueError, match="step 3, and its newest set is of step 5"):
            saver.save(3, small.variables, {})


def test_a_set_builds_on_none_of_another_folder(tmp_path, small):
    with SetSaver(tmp_path / "first", small.engine, lineage=LINEAGE) as first:
        small.train()
        save(first, small)
        first.wait()
    again = training.restored(SetFolder(tmp_path / "first"))
    with SetSaver(
        tmp_path / "second", again.engine, lineage=LINEAGE, parent=first.newest
    ) as second:
        again.train()
        save(second, again)
        second.wait()
    _assert_holds(tmp_path / "second", again.content())


def test_a_set_builds_on_none_that_is_damaged(tmp_path, small):
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        for _ in range(2):
            small.train()
            save(saver, small)
            saver.wait()
        SetFolder(tmp_path).mark_damaged("step-000000000001-full", "for a test")
        small.train()
        save(saver, small)
        saver.wait()
        assert saver.newest.manifest.kind == "full"


def test_after_a_restore_a_set_does_not_build_on_what_was_before(tmp_path, small):
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE, keep=Keep(9)) as saver:
        for _ in range(2):
            small.train(2)
            save(saver, small)
            saver.wait()
        folder = SetFolder(tmp_path)
        first = folder.sets()[0]
        restore_set(folder, first, small.engine, small.variables, LINEAGE)
        small.train()
        save(saver, small)
        saver.wait()
    _assert_holds(tmp_path, small.content())


def test_training_leaves_a_chain_that_the_disk_has_damaged(tmp_path, small):
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        for _ in range(MAX_DEPTH):
            small.train()
            save(saver, small)
            saver.wait()
        base = tmp_path / "step-000000000001-full/tables.data-00000-of-00002"
        base.write_bytes(bytes(base.stat().st_size))
        for _ in range(2):
            small.train()
            save(saver, small)
            saver.wait()
    last = SetFolder(tmp_path).found()[-2:]
    assert [one.condition for one in last] == ["damaged", "complete"]
    assert "step-000000000001-full" in last[0].fault
    _assert_holds(tmp_path, small.content())
