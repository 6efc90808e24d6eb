"""A training's sets: what is restored from them, refused, marked and kept."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.trainer.learner import Learner
from shardline.components.trainer.training_sets import TrainingSets, open_sets
from shardline.configs.schema import Checkpoint, Keep
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.lock import SetLockedError
from shardline.embedding.checkpoint.sets.reader import SetDamagedError

LINEAGE = {"configuration": "1", "vocabularies": "2"}
FULL = Checkpoint(differential=False, keep=Keep(last=9))


@pytest.fixture
def folder(tmp_path: Path) -> SetFolder:
    """Where the sets are."""
    return SetFolder(tmp_path / "sets")


@pytest.fixture
def steps(
    learner: Learner, batches: tf.data.Dataset, folder: SetFolder
) -> dict[int, Any]:
    """Sets of steps 1 to 3, and the values of a table at each."""
    iterator = iter(batches)
    rows = {}
    with TrainingSets(folder.path, learner, FULL, LINEAGE) as sets:
        for step in (1, 2, 3):
            learner.train(iterator, tf.constant(1))
            sets.save(step, {"examples_read": 4 * step})
            (rows[step], *_) = learner.engine.embedding_tables.values()
            rows[step] = tf.concat(rows[step].variables, 0).numpy()
        sets.wait()
    return rows


def person(learner: Learner) -> np.ndarray:
    rows, *_ = learner.engine.embedding_tables.values()
    return tf.concat(rows.variables, 0).numpy()


def damage(folder: SetFolder, step: int) -> None:
    (found,) = (one for one in folder.sets() if one.step == step)
    file = found.path / "tables.data-00000-of-00002"
    content = bytearray(file.read_bytes())
    content[5] ^= 1
    file.write_bytes(content)


def test_training_that_begins_has_no_state(learner: Learner, folder: SetFolder) -> None:
    with TrainingSets(folder.path, learner, FULL, LINEAGE) as sets:
        assert sets.begun_from is None
        assert sets.state == {}


def test_newest_set_is_restored_with_its_state(
    other_learner: Learner, steps: dict[int, Any], folder: SetFolder
) -> None:
    with TrainingSets(folder.path, other_learner, FULL, LINEAGE) as sets:
        assert sets.begun_from.step == 3
        assert sets.state == {"examples_read": 12}

    assert int(other_learner.step) == 3
    np.testing.assert_array_equal(person(other_learner), steps[3])


def test_damaged_set_is_reported_and_the_one_before_taken(
    other_learner: Learner,
    steps: dict[int, Any],
    folder: SetFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage(folder, 3)

    with TrainingSets(folder.path, other_learner, FULL, LINEAGE) as sets:
        assert sets.begun_from.step == 2

    np.testing.assert_array_equal(person(other_learner), steps[2])
    assert "step-000000000003-full is damaged and is left out: " in caplog.text


def test_training_begins_anew_in_the_same_run_if_no_set_is_whole(
    learner_of: Callable[..., Learner],
    learners: list[tuple[Learner, str]],
    steps: dict[int, Any],
    folder: SetFolder,
    state_of: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for step in steps:
        damage(folder, step)

    learner, sets = open_sets(folder.path, learner_of, FULL, LINEAGE)

    with sets:
        assert sets.begun_from is None
        np.testing.assert_equal(state_of(learner), state_of(learner_of()))
        sets.save(1, {})
        sets.wait()
    assert "training begins anew" in caplog.text
    assert [one.step for one in folder.sets()] == [1]


def test_that_training_begins_anew_is_said_of_sets_marked_before_too(
    learner_of: Callable[..., Learner],
    learners: list[tuple[Learner, str]],
    steps: dict[int, Any],
    folder: SetFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for one in folder.sets():
        folder.mark_damaged(one.name, "a disk")

    _, sets = open_sets(folder.path, learner_of, FULL, LINEAGE)

    with sets:
        assert sets.begun_from is None
    assert "training begins anew" in caplog.text


def test_nothing_is_said_of_a_training_that_begins(
    learner_of: Callable[..., Learner],
    learners: list[tuple[Learner, str]],
    folder: SetFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, sets = open_sets(folder.path, learner_of, FULL, LINEAGE)

    with sets:
        assert "anew" not in caplog.text


def test_set_of_another_training_is_refused(
    other_learner: Learner, steps: dict[int, Any], folder: SetFolder
) -> None:
    lineage = {**LINEAGE, "vocabularies": "3"}

    with pytest.raises(ValueError, match="of another training: its vocabularies diff"):
        TrainingSets(folder.path, other_learner, FULL, lineage)

    assert [one.step for one in folder.sets()] == [1, 2, 3]


def test_second_training_in_a_folder_is_refused(
    learner: Learner, other_learner: Learner, folder: SetFolder
) -> None:
    with TrainingSets(folder.path, learner, FULL, LINEAGE):
        with pytest.raises(SetLockedError, match="written by process"):
            TrainingSets(folder.path, other_learner, FULL, LINEAGE)
    with TrainingSets(folder.path, other_learner, FULL, LINEAGE):
        pass


def test_learner_is_brought_back_to_a_step(
    learner: Learner, steps: dict[int, Any], folder: SetFolder
) -> None:
    with TrainingSets(folder.path, learner, FULL, LINEAGE) as sets:
        sets.restore(2)

    assert int(learner.step) == 2
    np.testing.assert_array_equal(person(learner), steps[2])


def test_step_without_a_set_is_an_error_with_a_remedy(
    learner: Learner, steps: dict[int, Any], folder: SetFolder
) -> None:
    with TrainingSets(folder.path, learner, FULL, LINEAGE) as sets:
        with pytest.raises(SetDamagedError, match=r"step 7, .* Remove that folder"):
            sets.restore(7)


def test_pinned_set_stays_until_another_is_pinned_and_on_the_disk(
    learner: Learner, batches: tf.data.Dataset, folder: SetFolder
) -> None:
    iterator = iter(batches)
    settings = Checkpoint(differential=False, keep=Keep(last=1))
    kept = []
    with TrainingSets(folder.path, learner, settings, LINEAGE) as sets:
        for step, pinned in enumerate([True, False, False, True, False], 1):
            learner.train(iterator, tf.constant(1))
            sets.save(step, {}, pinned=pinned)
            sets.wait()
            kept.append([one.step for one in folder.sets()])

    assert kept == [[1], [1, 2], [1, 3], [4], [4, 5]]


def test_each_set_is_told_with_its_bytes_and_pause(
    learner: Learner, folder: SetFolder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="shardline.trainer")

    with TrainingSets(folder.path, learner, FULL, LINEAGE) as sets:
        sets.save(1, {})

    (one,) = folder.sets()
    saving = one.manifest.saving
    assert (
        f"checkpoint set of step 1: {saving.bytes / 1e3:.1f} kB (full), "
        f"{saving.seconds:.2f} s, training paused {1e3 * saving.pause_seconds:.1f} ms"
    ) in caplog.text
