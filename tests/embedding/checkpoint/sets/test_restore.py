"""Restoring on any number of hosts, past damaged sets, and what is refused."""

import shutil

import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding.checkpoint.sets import restore as restore_module
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.reader import SetDamagedError
from shardline.embedding.checkpoint.sets.restore import restore_newest, restore_set
from shardline.embedding.checkpoint.sets.retention import Keep
from shardline.embedding.checkpoint.sets.saver import SetSaver

training = load("embedding/checkpoint/sets/training.py")
LINEAGE = training.LINEAGE

pytestmark = pytest.mark.usefixtures("native_kernels")

_STEPS = 4


@pytest.fixture(scope="module", params=[1, 2, 3])
def saved(request, tmp_path_factory):
    """A folder with a chain written by some hosts, and what each set holds."""
    path = tmp_path_factory.mktemp("sets")
    small = training.SmallTraining(request.param)
    contents = {}
    with SetSaver(path, small.engine, lineage=LINEAGE, keep=Keep(9)) as saver:
        for _ in range(_STEPS):
            small.train()
            contents[small.step] = small.content()
            saver.save(small.step, small.variables, {"at": small.step})
            saver.wait()
    return path, contents


@pytest.fixture
def folder(saved, tmp_path):
    shutil.copytree(saved[0], tmp_path / "sets")
    return SetFolder(tmp_path / "sets")


def newest(folder, small, lineage=LINEAGE):
    damaged = []
    restored = restore_newest(
        folder,
        small.engine,
        small.variables,
        lineage=lineage,
        on_damaged=lambda *fault: damaged.append(fault),
    )
    return restored, damaged


@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_every_set_on_every_number_of_hosts(saved, folder, hosts):
    for one in folder.sets():
        small = training.restored(folder, one, hosts)
        training.assert_same(small.content(), saved[1][one.step])


def test_training_goes_on_as_if_nothing_had_been(saved, folder):
    hosts = folder.sets()[0].manifest.hosts
    whole = training.restored(folder, folder.sets()[0], hosts)
    whole.train(_STEPS - 1)
    training.assert_same(whole.content(), saved[1][_STEPS])


def test_differential_sets_go_on_from_a_restored_one(saved, folder):
    small = training.SmallTraining(2)
    restored, _ = newest(folder, small)
    small.step = restored.step
    parent = restored.checkpoint_set
    with SetSaver(
        folder.path, small.engine, lineage=LINEAGE, parent=parent, keep=Keep(9)
    ) as saver:
        small.train(2)
        saver.save(small.step, small.variables, {})
        saver.wait()
    last = folder.sets()[-1]
    assert last.manifest.parent == parent.name
    assert last.manifest.tables["wide"].stored_rows < 2 * training.BATCH + 1
    training.assert_same(training.restored(folder, last).content(), small.content())


def test_an_empty_folder_restores_nothing(tmp_path):
    small = training.SmallTraining()
    before = small.content()
    assert newest(SetFolder(tmp_path / "none"), small) == (None, [])
    training.assert_same(small.content(), before)


def test_the_newest_whole_set_is_taken_and_damage_is_told(saved, folder):
    last = folder.sets()[-1]
    data = last.path / f"tables.data-00000-of-{last.manifest.hosts:05d}"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 4
    data.write_bytes(content)
    small = training.SmallTraining(2)
    restored, damaged = newest(folder, small)
    assert restored.state == {"at": _STEPS - 1}
    training.assert_same(small.content(), saved[1][_STEPS - 1])
    ((name, why),) = damaged
    assert name == last.name
    assert str(data) in why
    # It is marked: the next one is told at once, without reading it.
    restored, again = newest(folder, training.SmallTraining())
    assert again == damaged
    assert restored.step == _STEPS - 1


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (tf.errors.UnavailableError, tf.errors.UnavailableError, "Socket closed"),
        (tf.errors.AbortedError, tf.errors.AbortedError, "was restarted"),
        (tf.errors.NotFoundError, RuntimeError, "does not see .*tables.data-00000-of"),
    ],
)
def test_a_host_that_is_gone_or_sees_no_file_is_no_damage(
    folder, monkeypatch, error, expected, message
):
    monkeypatch.setattr(restore_module, "can_read", lambda devices: False)
    small = training.SmallTraining(hosts=1)
    restore = tf.raw_ops.RestoreV2

    def lost(prefix, **arguments):
        if prefix.endswith("tables"):
            raise error(
                None, None, "No such file: Socket closed, or the worker was restarted"
            )
        return restore(prefix=prefix, **arguments)

    monkeypatch.setattr(tf.raw_ops, "RestoreV2", lost)
    with pytest.raises(expected, match=message):
        newest(folder, small)
    assert len(folder.sets()) == _STEPS


def test_what_one_host_finds_damaged_while_another_reads_is_damage(folder, monkeypatch):
    small = training.SmallTraining(hosts=1)
    newer, older = folder.sets()[-1], folder.sets()[-2]
    restore = restore_module._restore_table

    def fail(reader, *arguments):
        if reader.set.name == newer.name:
            raise tf.errors.DataLossError(None, None, "checksum of another host")
        restore(reader, *arguments)

    monkeypatch.setattr(restore_module, "_restore_table", fail)
    restored, damaged = newest(folder, small)
    assert restored.step == older.step
    assert damaged == [(newer.name, f"{newer.path}: checksum of another host")]


def test_a_set_whose_base_is_damaged_is_damaged(folder):
    base = folder.sets()[0]
    (base.path / "values.index").unlink()
    with pytest.raises(SetDamagedError, match=r"No checkpoint set .* is whole") as told:
        newest(folder, training.SmallTraining())
    assert str(told.value).count("values.index is missing") == _STEPS
    # All are marked now, and training begins anew.
    restored, damaged = newest(folder, training.SmallTraining())
    assert restored is None
    assert len(damaged) == _STEPS


def test_another_lineage_is_refused(folder):
    small = training.SmallTraining()
    with pytest.raises(ValueError, match="of another training: its configuration, v"):
        newest(folder, small, {"configuration": "2", "vocabulary": "1"})
    assert len(folder.sets()) == _STEPS


def test_other_variables_are_refused_before_anything_is_read(folder):
    small = training.SmallTraining()
    before = small.content()
    variables = {"dense": small.variables["dense"], "other": small.variables["count"]}
    with pytest.raises(ValueError, match=r"it lacks other; this training lacks count"):
        restore_set(folder, folder.sets()[-1], small.engine, variables, LINEAGE)
    training.assert_same(small.content(), before)


def test_other_tables_are_refused_before_anything_is_read(folder, monkeypatch):
    small = training.SmallTraining()
    before = small.content()
    (table,) = [one for one in small.engine._tables if one.spec.name == "wide"]
    monkeypatch.setattr(table, "slots", {})
    with pytest.raises(ValueError, match=r"'wide/accumulators' is .* and missing in"):
        restore_set(folder, folder.sets()[-1], small.engine, small.variables, LINEAGE)
    monkeypatch.undo()
    training.assert_same(small.content(), before)


def test_a_cut_is_void_before_a_restore_changes_rows(folder, tmp_path, monkeypatch):
    small = training.SmallTraining(2)
    cut = small.engine.cut(False, str(tmp_path))
    written = []

    def write_first(*arguments):
        if not written:
            with pytest.raises(tf.errors.FailedPreconditionError, match="no cut"):
                cut.write(0, str(tmp_path / "file"))
            written.append(True)
        restore_table(*arguments)

    restore_table = restore_module._restore_table
    monkeypatch.setattr(restore_module, "_restore_table", write_first)
    newest(folder, small)
    assert written
    cut.end(False)


def test_rows_that_a_failed_restore_changed_are_in_the_next_set(folder, monkeypatch):
    small = training.SmallTraining(2)
    small.engine.forget_touched_rows()

    def fail(*_):
        raise SetDamagedError("for a test")

    monkeypatch.setattr(restore_module, "_restore_table", fail)
    with pytest.raises(SetDamagedError):
        newest(folder, small)
    assert small.engine.touched_rows() == {"wide": 2000, "small": 57, "one/row": 2}
