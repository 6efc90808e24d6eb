"""How long training goes on, and which checkpoint it leaves."""

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.evaluation.binary import Judged
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.loop import total_steps, train
from shardline.configs.schema import EarlyStop, Training


def training(**settings: Any) -> Training:
    settings = {"batch_size": 4, **settings}
    return Training(**settings)


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


def test_training_runs_all_steps_and_leaves_their_checkpoint(
    learner: Learner,
    other_learner: Learner,
    state_of: Callable[..., Any],
    batches: tf.data.Dataset,
    tmp_path: Path,
) -> None:
    prefix = str(tmp_path / "checkpoint")

    train(learner, batches, 7, training(steps=7, steps_per_call=3), None, prefix)

    other_learner.checkpoint().read(prefix).assert_consumed()
    assert int(learner.step) == 7
    np.testing.assert_equal(state_of(other_learner), state_of(learner))
    assert len(list(tmp_path.glob("checkpoint.data-*"))) == 2


def test_training_tells_how_far_it_is(
    learner: Learner,
    batches: tf.data.Dataset,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="shardline.trainer")

    train(learner, batches, 2, training(steps=2), None, str(tmp_path / "checkpoint"))

    assert "step 2 of 2, loss " in caplog.text


def test_training_writes_summaries_for_tensorboard(
    learner: Learner, batches: tf.data.Dataset, tmp_path: Path
) -> None:
    logs = str(tmp_path / "logs")
    with tf.summary.create_file_writer(logs).as_default():
        train(
            learner,
            batches,
            4,
            training(steps=4, steps_per_call=2),
            None,
            str(tmp_path / "checkpoint"),
        )

    (file,) = Path(logs).iterdir()
    seen = [
        (value.tag, event.step)
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    ]
    assert set(seen) == {
        (tag, step) for tag in ("loss", "examples_per_second") for step in (2, 4)
    }


def test_early_stop_keeps_the_best_and_ends(
    learner: Learner,
    other_learner: Learner,
    state_of: Callable[..., Any],
    scripted: Callable[..., list[dict[str, Any]]],
    batches: tf.data.Dataset,
    tmp_path: Path,
) -> None:
    states = scripted([0.9, 0.7, 0.8, 0.75, 0.6])
    settings = training(
        steps=20, steps_per_call=2, early_stop=EarlyStop(every_steps=2, patience=2)
    )
    prefix = str(tmp_path / "checkpoint")

    train(learner, batches, 20, settings, batches.take(1), prefix)

    # Two validations without improvement after the second, so the fifth never comes.
    assert [state["step"] for state in states] == [2, 4, 6, 8]
    np.testing.assert_equal(state_of(learner), states[1])
    other_learner.checkpoint().read(prefix).assert_consumed()
    np.testing.assert_equal(state_of(other_learner), states[1])


def test_patience_starts_anew_with_each_improvement(
    learner: Learner,
    scripted: Callable[..., list[dict[str, Any]]],
    batches: tf.data.Dataset,
    tmp_path: Path,
) -> None:
    states = scripted([0.9, 0.95, 0.8, 0.85, 0.7, 0.75, 0.8])
    settings = training(
        steps=14, steps_per_call=2, early_stop=EarlyStop(every_steps=2, patience=2)
    )

    train(learner, batches, 14, settings, batches.take(1), str(tmp_path / "c"))

    assert len(states) == 7
    assert int(learner.step) == 10


def test_last_step_is_validated_too(
    learner: Learner,
    scripted: Callable[..., list[dict[str, Any]]],
    batches: tf.data.Dataset,
    tmp_path: Path,
) -> None:
    states = scripted([0.9, 0.8])
    settings = training(
        steps=5, steps_per_call=2, early_stop=EarlyStop(every_steps=4, patience=1)
    )

    train(learner, batches, 5, settings, batches.take(1), str(tmp_path / "c"))

    assert [state["step"] for state in states] == [4, 5]
    assert int(learner.step) == 5


def test_validation_that_gives_no_number_is_an_error_that_says_so(
    learner: Learner,
    scripted: Callable[..., list[dict[str, Any]]],
    batches: tf.data.Dataset,
    tmp_path: Path,
) -> None:
    scripted([float("nan")] * 3)
    settings = training(
        steps=2, early_stop=EarlyStop(every_steps=1, split="validation")
    )

    with pytest.raises(
        ValueError, match=r"step 2: .* undefined: .* split 'validation' are NaN"
    ):
        train(learner, batches, 2, settings, batches.take(1), str(tmp_path / "c"))
