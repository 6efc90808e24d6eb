"""A training goes back to an earlier set."""

import pytest
from shardline_tests import load

from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.lock import SetLockedError
from shardline.embedding.checkpoint.sets.retention import Keep
from shardline.embedding.checkpoint.sets.rewind import RewindError, rewind
from shardline.embedding.checkpoint.sets.saver import SetSaver

small = load("embedding/checkpoint/sets/training.py")


@pytest.fixture
def training(made_sets, tmp_path):
    """Sets of the steps 10 to 60: 10 and 40 are full ones."""
    training = made_sets.training(tmp_path / "sets", item=9)
    for step in (10, 40):
        training.save(step)
        training.touch(item=[1, 7])
        training.touch(item=[1, 8])
    return training


def steps(training) -> list[int]:
    return [one.step for one in training.folder.sets()]


@pytest.mark.parametrize("step", [10, 20, 30, 40, 50])
def test_later_sets_are_put_away_newest_first(training, step) -> None:
    names = [one.name for one in training.folder.sets() if one.step > step]

    rewound = rewind(training.folder, step)

    assert steps(training) == list(range(10, step + 1, 10))
    assert rewound.removed == names[::-1]
    assert sorted(path.name for path in rewound.kept_in.iterdir()) == names
    assert rewound.kept_in.parent == training.folder.path
    assert rewound.newest == training.folder.sets()[-1].name


def test_sets_that_were_put_away_can_be_moved_back(training) -> None:
    rewound = rewind(training.folder, 20)
    for path in rewound.kept_in.iterdir():
        path.rename(training.folder.path / path.name)

    assert steps(training) == [10, 20, 30, 40, 50, 60]
    assert [s.name for s in training.folder.chain(training.newest)][-1:] == [
        training.newest.name
    ]


def test_later_sets_are_deleted_if_asked_for(training) -> None:
    rewound = rewind(training.folder, 40, deletes=True)

    assert rewound.kept_in is None
    assert len(rewound.removed) == 2
    assert steps(training) == [10, 20, 30, 40]
    left = {path.name for path in training.folder.path.iterdir()}
    assert left == {one.name for one in training.folder.sets()} | {".lock"}


def test_newest_step_needs_nothing_put_away(training) -> None:
    rewound = rewind(training.folder, 60)

    assert (rewound.removed, rewound.kept_in) == ([], None)
    assert list(training.folder.path.glob("rewound-*")) == []


def test_damaged_sets_are_put_away_as_well(training) -> None:
    *_, before, last = training.folder.sets()
    (last.path / "manifest.json").write_text("{}")
    training.folder.mark_damaged(before.name, "a bit")

    rewound = rewind(training.folder, 40)

    assert rewound.removed == [last.name, before.name]


def test_step_without_a_set_names_those_with_one(training) -> None:
    with pytest.raises(RewindError, match=r"of step 25.*10, 20, 30, 40, 50, 60"):
        rewind(training.folder, 25)

    assert steps(training) == [10, 20, 30, 40, 50, 60]


@pytest.mark.parametrize("damaged", [0, 1])
def test_target_that_fails_verification_is_refused(training, damaged) -> None:
    file = training.folder.sets()[damaged].path / "values.index"
    file.write_bytes(file.read_bytes()[::-1])

    with pytest.raises(RewindError, match=r"fails verification.*values\.index"):
        rewind(training.folder, 20)

    assert steps(training) == [10, 20, 30, 40, 50, 60]


def test_nothing_is_done_while_a_process_saves(training) -> None:
    lock = training.folder.lock()
    try:
        with pytest.raises(SetLockedError, match="process"):
            rewind(training.folder, 10)
    finally:
        lock.release()

    assert steps(training) == [10, 20, 30, 40, 50, 60]
    rewind(training.folder, 10)
    training.folder.lock().release()


def test_training_goes_on_from_there_as_it_did_the_first_time(
    native_kernels, tmp_path
) -> None:
    training = small.SmallTraining(hosts=2)
    folder, contents = SetFolder(tmp_path), {}

    def train_and_save(training, parent, steps):
        keep = Keep(last=9)
        with SetSaver(
            tmp_path, training.engine, lineage=small.LINEAGE, keep=keep, parent=parent
        ) as saver:
            for _ in range(steps):
                training.train()
                saver.save(training.step, training.variables, {})
                saver.wait()
                contents.setdefault(training.step, training.content())

    train_and_save(training, None, 5)
    rewind(folder, 2)
    again = small.restored(folder, hosts=3)
    small.assert_same(again.content(), contents[2])
    train_and_save(again, folder.sets()[-1], 3)

    assert [one.step for one in folder.sets()] == [1, 2, 3, 4, 5]
    small.assert_same(again.content(), contents[5])
    small.assert_same(small.restored(folder).content(), contents[5])
