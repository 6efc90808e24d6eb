"""Saving beside training: consistent cuts, kinds, one save at a time, errors."""

import dataclasses
import errno
import threading

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.embedding.checkpoint.sets import saver as saver_module
from shardline.embedding.checkpoint.sets.compaction import MAX_DEPTH
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.lock import SetLockedError
from shardline.embedding.checkpoint.sets.retention import Keep
from shardline.embedding.checkpoint.sets.saved import SaveError
from shardline.embedding.checkpoint.sets.saver import SetSaver
from shardline.embedding.checkpoint.sets.verify import verify_set

training = load("embedding/checkpoint/sets/training.py")
LINEAGE = training.LINEAGE

pytestmark = pytest.mark.usefixtures("native_kernels")


@pytest.fixture
def small():
    return training.SmallTraining(hosts=2)


def save(saver, small, **options):
    return saver.save(small.step, small.variables, {"step": small.step}, **options)


class _SlowCut:
    """A cut that is written when the test says so."""

    def __init__(self, cut, go_on, error=None):
        self._cut, self._go_on, self._error = cut, go_on, error
        self.rows, self.in_pause = cut.rows, cut.in_pause

    def write(self, host, path):
        assert self._go_on.wait(60)
        if self._error:
            raise self._error
        return self._cut.write(host, path)

    def end(self, succeeded):
        self._cut.end(succeeded)


@pytest.fixture
def slow(small, monkeypatch):
    """Makes cuts wait for an event, or fail."""

    cut = type(small.engine).cut

    def make(error=None):
        go_on = threading.Event()

        def slow_cut(engine, differential, spill_folder):
            return _SlowCut(cut(engine, differential, spill_folder), go_on, error)

        monkeypatch.setattr(type(small.engine), "cut", slow_cut)
        return go_on

    return make


def test_the_cut_holds_what_was_when_training_went_on(tmp_path, small, slow):
    go_on = slow()
    small.train(3)
    at_cut = small.content()
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        assert save(saver, small)
        small.train(20)
        go_on.set()
        saver.wait()
    _assert_holds(tmp_path, at_cut)


def test_differential_sets_hold_what_was_when_training_went_on(tmp_path, small, slow):
    go_on = slow()
    go_on.set()
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE, keep=Keep(9)) as saver:
        contents = []
        for _ in range(5):
            small.train(2)
            contents.append(small.content())
            go_on.clear()
            assert save(saver, small)
            small.train(3)
            go_on.set()
            saver.wait()
    sets = SetFolder(tmp_path).sets()
    assert [one.manifest.kind for one in sets] == ["full"] + ["differential"] * 4
    for one, content in zip(sets, contents, strict=True):
        assert verify_set(one) == []
        _assert_holds(tmp_path, content, one)


def _assert_holds(path, content, one=None):
    restored = training.restored(SetFolder(path), one)
    training.assert_same(restored.content(), content)


def test_saves_never_pile_up(tmp_path, small, slow):
    go_on = slow()
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        assert save(saver, small)
        assert saver.is_saving
        small.train()
        assert not save(saver, small)
        go_on.set()
        saver.wait()
        assert save(saver, small)
        saver.wait()
        assert not save(saver, small)  # There is a set of this step.


def test_what_a_failed_save_should_have_held_is_in_the_next(tmp_path, small, slow):
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        save(saver, small)
        saver.wait()
        small.train(3)
        no_room = tf.errors.ResourceExhaustedError(None, None, "F: No space left.")
        slow(no_room).set()
        save(saver, small)
        with pytest.raises(
            SaveError, match=r"F: No space left.*complete: step-0+-full"
        ):
            saver.wait()
        saver.check()  # It is raised once.
        slow().set()
        small.train(2)
        assert not (tmp_path / "step-000000000003-differential/manifest.json").exists()
        save(saver, small)
        saver.wait()
    assert SetFolder(tmp_path).sets()[-1].manifest.kind == "differential"
    _assert_holds(tmp_path, small.content())


def test_an_error_reaches_the_next_call(tmp_path, small, slow):
    slow(OSError(errno.ENOSPC, "No space left on device")).set()
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        save(saver, small)
        saver._thread.join()
        with pytest.raises(SaveError, match="No space left on device") as raised:
            save(saver, small)
    assert isinstance(raised.value.__cause__, OSError)
    assert "No set is complete yet. " in str(raised.value)
    assert str(raised.value).endswith("and run again: training begins anew.")


def test_a_chain_is_folded_when_it_is_long(tmp_path, small):
    reported = []
    with SetSaver(
        tmp_path, small.engine, lineage=LINEAGE, keep=Keep(99), on_saved=reported.append
    ) as saver:
        contents = {}
        for _ in range(2 * MAX_DEPTH + 3):
            small.train()
            contents[small.step] = small.content()
            save(saver, small)
            saver.wait()
    folder = SetFolder(tmp_path)
    depths = [*range(MAX_DEPTH)] * 2 + [0, 1, 2]
    assert [one.manifest.depth for one in folder.sets()] == depths
    assert [one.step for one in reported] == list(range(1, 2 * MAX_DEPTH + 4))
    for one in folder.sets():
        _assert_holds(tmp_path, contents[one.step], one)


def test_a_set_is_full_when_that_is_smaller(tmp_path, small):
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        save(saver, small)
        saver.wait()
        small.engine.embedding_tables  # noqa: B018  They are there.
        small.engine._backend.load(small.engine._tables)  # All rows count as touched.
        small.step += 1
        save(saver, small)
        saver.wait()
        assert saver.newest.manifest.kind == "full"


def test_differential_sets_can_be_done_without(tmp_path, small):
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE, differential=False) as saver:
        for _ in range(2):
            small.train()
            save(saver, small)
            saver.wait()
            assert saver.newest.manifest.kind == "full"


def test_old_sets_go_and_pinned_ones_stay(tmp_path, small):
    with SetSaver(
        tmp_path, small.engine, lineage=LINEAGE, differential=False, keep=Keep(1)
    ) as saver:
        for step in range(5):
            small.train()
            save(saver, small, pinned=step == 1)
            saver.wait()
        folder = SetFolder(tmp_path)
        assert [one.step for one in folder.sets()] == [2, 5]
        saver.unpin("step-000000000002-full")
        small.train()
        save(saver, small)
        saver.wait()
        assert [one.step for one in folder.sets()] == [6]


def test_a_second_saver_is_refused(tmp_path, small):
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE):
        with pytest.raises(SetLockedError, match="are written by process"):
            SetSaver(tmp_path, small.engine, lineage=LINEAGE)
    SetSaver(tmp_path, small.engine, lineage=LINEAGE).close()


def test_remains_of_dead_saves_are_removed(tmp_path, small):
    remains = tmp_path / "step-000000000003-full"
    remains.mkdir()
    (remains / "tables.data-00000-of-00001").write_bytes(b"half")
    SetSaver(tmp_path, small.engine, lineage=LINEAGE).close()
    assert not remains.exists()


def test_another_course_of_the_training_is_not_mixed_in(tmp_path, small):
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        small.train()
        save(saver, small)
        saver.wait()
    with pytest.raises(ValueError, match=r"sets of later steps than .* step-0+1-full"):
        SetSaver(tmp_path, small.engine, lineage=LINEAGE)
    SetSaver(tmp_path, small.engine, lineage=LINEAGE, parent=saver.newest).close()


def test_what_a_set_says_of_itself(tmp_path, small):
    reported = []
    with SetSaver(
        tmp_path, small.engine, lineage=LINEAGE, on_saved=reported.append
    ) as saver:
        small.train()
        save(saver, small)
        saver.wait()
        manifest = saver.newest.manifest
    assert (manifest.step, manifest.hosts, manifest.state) == (1, 2, {"step": 1})
    assert manifest.lineage == LINEAGE
    assert manifest.tables["wide"].slots == ("accumulators",)
    sizes = {path.name: path.stat().st_size for path in saver.newest.path.iterdir()}
    del sizes["manifest.json"]
    assert {name: file.bytes for name, file in manifest.files.items()} == sizes
    (saved,) = reported
    assert saved.bytes == sum(sizes.values())
    assert 0 < saved.pause_seconds < saved.seconds
    reader = tf.train.load_checkpoint(saver.newest.tables_prefix)
    assert reader.get_variable_to_shape_map()["wide/parameters"] == [2000, 8]


def test_hosts_are_used_through_the_call_that_is_given(tmp_path, small):
    called = []

    def run(function, *arguments):
        called.append(function.__name__)
        return function(*arguments)

    with SetSaver(tmp_path, small.engine, lineage=LINEAGE, run=run) as saver:
        save(saver, small)
        saver.wait()
        small.train()
        save(saver, small)
        saver.wait()
    of_a_save = ["cut", "write", "write", "end"]
    assert called == ["check_seen", *of_a_save, "touched_rows", *of_a_save]


def test_a_cut_that_cannot_be_ended_hides_no_error(tmp_path, small, slow):
    def run(function, *arguments):
        if function.__name__ == "end":
            raise tf.errors.UnavailableError(None, None, "the host is gone")
        return function(*arguments)

    slow(OSError(errno.ENOSPC, "No space left on device")).set()
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE, run=run) as saver:
        save(saver, small)
        with pytest.raises(SaveError, match="No space left on device"):
            saver.wait()
    assert SetFolder(tmp_path).sets() == []


def test_an_error_after_the_set_names_the_set(tmp_path, small, monkeypatch):
    def fail(*_):
        raise OSError("cannot remove")

    monkeypatch.setattr(saver_module, "collect_garbage", fail)
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        save(saver, small)
        with pytest.raises(SaveError, match=r"step-0+-full is complete, but .*cannot"):
            saver.wait()
    assert len(SetFolder(tmp_path).sets()) == 1


def test_without_native_kernels_sets_are_full_and_equal(tmp_path, monkeypatch):
    monkeypatch.setenv("SHARDLINE_KERNELS", "stock")
    small = training.SmallTraining(hosts=2)
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        for _ in range(2):
            small.train()
            save(saver, small)
            assert not saver.is_saving
    sets = SetFolder(tmp_path).sets()
    assert [one.manifest.kind for one in sets] == ["full", "full"]
    saving = sets[-1].manifest.saving
    assert saving.pause_seconds > 0.5 * saving.seconds
    _assert_holds(tmp_path, small.content())
    assert dataclasses.asdict(sets[0].manifest)["hosts"] == 2


def test_what_the_caller_changes_later_is_in_no_set(tmp_path, small, slow):
    go_on = slow()
    state = {"reader": {"files": ["a"]}, "loss": float("nan")}
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        saver.save(small.step, small.variables, state)
        state["reader"]["files"].append("b")
        go_on.set()
        saver.wait()
        state["reader"]["files"].append("c")
        small.train()
        saver.save(small.step, small.variables, state)
        saver.wait()
    folder = SetFolder(tmp_path)
    full, differential = folder.chain(folder.sets()[-1])
    assert full.manifest.state["reader"] == {"files": ["a"]}
    assert differential.manifest.state["reader"] == {"files": ["a", "b", "c"]}


def test_state_that_is_not_json_is_refused_at_once(tmp_path, small):
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        with pytest.raises(TypeError, match="state"):
            saver.save(0, small.variables, {"loss": np.float32(1)})
        assert save(saver, small)
        saver.wait()


def test_a_save_whose_thread_cannot_begin_leaves_nothing_behind(
    tmp_path, small, monkeypatch
):
    def fail(_):
        raise RuntimeError("can't start new thread")

    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail)
            with pytest.raises(RuntimeError, match="start new thread"):
                save(saver, small)
        saver.wait()
        assert save(saver, small)
    SetSaver(tmp_path, small.engine, lineage=LINEAGE, parent=saver.newest).close()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_who_stops_a_save_in_the_pause_stops_the_training(
    tmp_path, small, monkeypatch, stop
):
    cut = small.engine.cut(False, str(tmp_path))
    cut.in_pause = True
    monkeypatch.setattr(cut, "write", lambda *_: _raise(stop()))
    monkeypatch.setattr(type(small.engine), "cut", lambda *_: cut)
    with SetSaver(tmp_path, small.engine, lineage=LINEAGE) as saver:
        with pytest.raises(stop):
            save(saver, small)
        saver.check()
    assert SetFolder(tmp_path).found() == []


def _raise(error):
    raise error


def test_a_folded_set_is_unpinned_with_what_it_was_folded_from(tmp_path, small):
    reported = []
    with SetSaver(
        tmp_path, small.engine, lineage=LINEAGE, on_saved=reported.append
    ) as saver:
        for step in range(MAX_DEPTH + 1):
            small.train()
            save(saver, small, pinned=step == MAX_DEPTH)
            saver.wait()
        assert saver.newest.manifest.kind == "full"
        saver.unpin(reported[-1].name)
    assert not any(one.is_pinned for one in SetFolder(tmp_path).sets())
