"""How long training goes on, what it leaves, and that it goes on where it was."""

import errno
import logging
import math
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.evaluation.binary import Judged
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.loop import total_steps, train
from shardline.components.trainer.not_finite import NotFiniteError
from shardline.components.trainer.training_sets import TrainingSets
from shardline.configs.schema import Checkpoint, EarlyStop, Keep, Training
from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.saved import SaveError
from shardline.embedding.checkpoint.sets.writer import SetWriter


def training(**settings: Any) -> Training:
    settings = {"batch_size": 4, **settings}
    return Training(**settings)


@pytest.fixture
def run(
    learner: Learner, batches: tf.data.Dataset, tmp_path: Path
) -> Callable[..., None]:
    """Trains so many steps, with the sets of a folder that stays for the test."""

    def train_with_sets(
        steps: int, learner: Learner = learner, first_step: int = 0, **settings: Any
    ) -> None:
        given = training(steps=steps, **settings)
        validation = batches.take(1) if given.early_stop else None
        with TrainingSets(tmp_path / "sets", learner, given.checkpoint, {}) as sets:
            learner.step.assign(max(int(learner.step), first_step))
            rest = batches.skip(int(learner.step) - first_step)
            train(learner, rest, steps, given, validation, sets, first_step)

    return train_with_sets


@pytest.fixture
def folder(tmp_path: Path) -> SetFolder:
    """Where `run` has its sets."""
    return SetFolder(tmp_path / "sets")


def steps_of(folder: SetFolder) -> list[int]:
    return [one.step for one in folder.sets()]


@pytest.fixture
def scripted(
    learner: Learner, state_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[float]], list[dict[str, Any]]]:
    """Makes validations find these entropies; fills a list with the states then."""

    def script(entropies: list[float]) -> list[dict[str, Any]]:
        states: list[dict[str, Any]] = []

        def evaluate(batches: Any, named: str) -> Judged:
            states.append(state_of(learner))
            entropy = entropies[len(states) - 1]
            if math.isnan(entropy):
                why = f"all scores of the {named} are NaN"
                return Judged({}, {"normalized_entropy": why})
            return Judged({"normalized_entropy": entropy}, {})

        monkeypatch.setattr(learner, "evaluate", evaluate)
        return states

    return script


@pytest.mark.parametrize(
    ("settings", "examples", "expected"),
    [
        ({"steps": 7}, 4, 7),
        ({"steps": 7}, 1000, 7),
        ({"epochs": 1}, 8, 2),
        ({"epochs": 3}, 8, 6),
        ({"epochs": 1}, 11, 2),
        ({"epochs": 4}, 11, 11),
    ],
)
def test_steps_follow_from_the_settings(
    settings: dict[str, int], examples: int, expected: int
) -> None:
    assert total_steps(training(**settings), examples) == expected


@pytest.mark.parametrize("settings", [{"steps": 1}, {"epochs": 1}], ids=str)
def test_fewer_examples_than_a_batch_is_an_error(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="3 examples, fewer than one batch of 4"):
        total_steps(training(**settings), 3)


def test_training_runs_all_steps_and_leaves_their_set(
    learner: Learner,
    other_learner: Learner,
    state_of: Callable[..., Any],
    run: Callable[..., None],
    folder: SetFolder,
) -> None:
    run(7, steps_per_call=3)

    assert steps_of(folder) == [7]
    TrainingSets(folder.path, other_learner, Checkpoint(), {})
    assert int(learner.step) == 7
    np.testing.assert_equal(state_of(other_learner), state_of(learner))


def test_training_tells_how_far_it_is_and_what_was_saved(
    run: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="shardline.trainer")

    run(2)

    assert "step 2 of 2, loss " in caplog.text
    assert re.search(
        r"checkpoint set of step 2: \d\.\d kB \(full\), \d+\.\d\d s, training paused "
        r"\d+\.\d ms",
        caplog.text,
    )


def test_training_writes_summaries_for_tensorboard(
    run: Callable[..., None], tmp_path: Path
) -> None:
    logs = str(tmp_path / "logs")
    with tf.summary.create_file_writer(logs).as_default():
        run(4, steps_per_call=2)

    (file,) = Path(logs).iterdir()
    seen = [
        (value.tag, event.step)
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    ]
    assert set(seen) == {
        (tag, step) for tag in ("loss", "examples_per_second") for step in (2, 4)
    }


def test_sets_fall_on_their_steps_whatever_a_call_takes(
    run: Callable[..., None], folder: SetFolder
) -> None:
    run(11, steps_per_call=4, checkpoint=Checkpoint(every_steps=3, keep=Keep(last=9)))

    # While one is saved the next may be left out, but for the last.
    assert set(steps_of(folder)) <= {3, 4, 6, 8, 9, 11}
    assert steps_of(folder)[0] == 3
    assert steps_of(folder)[-1] == 11


def test_sets_fall_due_by_time(run: Callable[..., None], folder: SetFolder) -> None:
    settings = Checkpoint(every_seconds=1e-6, keep=Keep(last=9))

    run(3, steps_per_call=1, checkpoint=settings)

    assert steps_of(folder)[0] == 1


def test_only_the_last_sets_stay(run: Callable[..., None], folder: SetFolder) -> None:
    settings = Checkpoint(every_steps=1, keep=Keep(last=1), differential=False)

    run(6, checkpoint=settings)

    assert steps_of(folder) == [6]


@pytest.mark.parametrize("differential", [True, False])
@pytest.mark.parametrize("first", [1, 4, 7])
def test_training_goes_on_as_if_it_had_never_ended(
    learner: Learner,
    other_learner: Learner,
    restart: Callable[[], None],
    state_of: Callable[..., Any],
    run: Callable[..., None],
    folder: SetFolder,
    first: int,
    differential: bool,
) -> None:
    settings = Checkpoint(every_steps=2, differential=differential)
    run(9, checkpoint=settings)
    whole = state_of(learner)
    shutil.rmtree(folder.path)
    restart()
    run(first, checkpoint=settings)

    # Another process would begin with other values, and the set replaces them all.
    run(9, other_learner, checkpoint=settings)

    np.testing.assert_equal(state_of(other_learner), whole)


def test_training_whose_last_step_has_a_set_is_not_run_again(
    learner: Learner,
    other_learner: Learner,
    state_of: Callable[..., Any],
    run: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(3)
    monkeypatch.setattr(other_learner, "train", None)

    run(3, other_learner)

    np.testing.assert_equal(state_of(other_learner), state_of(learner))


def test_early_stop_keeps_the_best_and_ends(
    learner: Learner,
    other_learner: Learner,
    state_of: Callable[..., Any],
    scripted: Callable[..., list[dict[str, Any]]],
    run: Callable[..., None],
    folder: SetFolder,
) -> None:
    states = scripted([0.9, 0.7, 0.8, 0.75, 0.6])

    run(20, steps_per_call=2, early_stop=EarlyStop(every_steps=2, patience=2))

    # Two validations without improvement after the second, so the fifth never comes.
    assert [state["step"] for state in states] == [2, 4, 6, 8]
    np.testing.assert_equal(state_of(learner), states[1])
    assert [one.step for one in folder.sets() if one.is_pinned] == [4]
    assert steps_of(folder)[-1] == 8


def test_stopped_training_is_not_run_again_and_ends_at_the_best(
    other_learner: Learner,
    state_of: Callable[..., Any],
    scripted: Callable[..., list[dict[str, Any]]],
    run: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = scripted([0.9, 0.7, 0.8, 0.75, 0.6])
    stop = EarlyStop(every_steps=2, patience=2)
    run(20, early_stop=stop)
    monkeypatch.setattr(other_learner, "train", None)

    run(20, other_learner, early_stop=stop)

    np.testing.assert_equal(state_of(other_learner), states[1])


def test_early_stop_goes_on_with_what_it_knew(
    learner: Learner,
    state_of: Callable[..., Any],
    scripted: Callable[..., list[dict[str, Any]]],
    run: Callable[..., None],
) -> None:
    states = scripted([0.7, 0.9, 0.8, 0.6])
    stop = EarlyStop(every_steps=2, patience=2)
    run(4, early_stop=stop)

    run(20, early_stop=stop)

    # One worse validation before, and one now.
    assert [state["step"] for state in states] == [2, 4, 6]
    np.testing.assert_equal(state_of(learner), states[0])


def test_patience_starts_anew_with_each_improvement(
    learner: Learner,
    scripted: Callable[..., list[dict[str, Any]]],
    run: Callable[..., None],
) -> None:
    states = scripted([0.9, 0.95, 0.8, 0.85, 0.7, 0.75, 0.8])

    run(14, steps_per_call=2, early_stop=EarlyStop(every_steps=2, patience=2))

    assert len(states) == 7
    assert int(learner.step) == 10


def test_validation_falls_on_its_steps_and_on_the_last(
    learner: Learner,
    scripted: Callable[..., list[dict[str, Any]]],
    run: Callable[..., None],
) -> None:
    states = scripted([0.9, 0.8, 0.7])

    run(8, steps_per_call=2, early_stop=EarlyStop(every_steps=3, patience=1))

    assert [state["step"] for state in states] == [3, 6, 8]
    assert int(learner.step) == 8


def test_a_model_that_goes_on_counts_its_steps_and_stops_at_the_best(
    learner: Learner,
    state_of: Callable[..., Any],
    scripted: Callable[..., list[dict[str, Any]]],
    run: Callable[..., None],
    folder: SetFolder,
) -> None:
    states = scripted([0.9, 0.7, 0.8, 0.75])
    stop = EarlyStop(every_steps=2, patience=2)
    settings = Checkpoint(every_steps=2, keep=Keep(last=9))
    run(3, first_step=101, early_stop=stop, checkpoint=settings)  # It is killed then.

    run(20, first_step=101, early_stop=stop, checkpoint=settings)

    assert [state["step"] for state in states] == [102, 104, 106, 108]
    np.testing.assert_equal(state_of(learner), states[1])
    assert folder.sets()[-1].manifest.state["examples_read"] == 4 * 7


def test_when_sets_are_saved_does_not_change_when_validation_is(
    scripted: Callable[..., list[dict[str, Any]]], run: Callable[..., None]
) -> None:
    states = scripted([0.9, 0.8, 0.7])

    run(
        8,
        early_stop=EarlyStop(every_steps=3),
        checkpoint=Checkpoint(every_steps=2),
    )

    assert [state["step"] for state in states] == [3, 6, 8]


def test_validation_that_gives_no_number_is_an_error_that_says_so(
    learner: Learner,
    scripted: Callable[..., list[dict[str, Any]]],
    run: Callable[..., None],
) -> None:
    scripted([float("nan")] * 3)

    with pytest.raises(
        ValueError, match=r"step 1: .* undefined: .* split 'validation' are NaN"
    ):
        run(2, early_stop=EarlyStop(every_steps=1, split="validation"))


def test_error_of_a_save_ends_training_and_names_the_set(
    learner: Learner,
    run: Callable[..., None],
    folder: SetFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full_disk(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    run(2)
    monkeypatch.setattr(SetWriter, "write_index", full_disk)

    with pytest.raises(SaveError, match=r"step-0+4-.*No space left on device"):
        run(300, steps_per_call=1, checkpoint=Checkpoint(every_steps=4))

    assert steps_of(folder) == [2]
    assert int(learner.step) < 300


def test_step_that_is_not_finite_leaves_the_sets_before_it(
    learner: Learner,
    batches: tf.data.Dataset,
    folder: SetFolder,
    restart: Callable[[], None],
    state_of: Callable[..., Any],
) -> None:
    def spoilt(step: tf.Tensor, batch: Any) -> Any:
        labels = tf.where(step == 5, float("nan"), batch.labels)
        return batch._replace(labels=labels)

    settings = Checkpoint(every_steps=2, keep=Keep(last=9))
    given = training(steps=9, checkpoint=settings)
    data = batches.enumerate().map(spoilt)

    with TrainingSets(folder.path, learner, settings, {}) as sets:
        with pytest.raises(NotFiniteError, match=r"step 6 .* the labels") as caught:
            train(learner, data, 9, given, None, sets)

    assert caught.value.step == 6
    assert int(learner.step) == 5
    assert set(steps_of(folder)) <= {2, 4}
    restart()
    with TrainingSets(folder.path, learner, settings, {}):
        assert int(learner.step) == steps_of(folder)[-1]
