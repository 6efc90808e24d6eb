"""Training on files: where it goes on, and how it names the examples of a bad step."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from shardline.components.trainer.inputs import BatchReader
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.loop import train_on_split
from shardline.components.trainer.not_finite import NotFiniteError
from shardline.configs.features import Features
from shardline.configs.schema import Number, Target, Training

EXAMPLES, BATCH_SIZE = 50, 8


class NoSets:
    """Saves nothing."""

    every_steps = None
    begun_from = None

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    def save_if_due(self, *_: Any) -> None:
        pass

    save = wait = save_if_due


class RecordingEngine:
    """Has no features; the model learns from numbers alone."""

    def zero_activations(self) -> dict[str, tf.Tensor]:
        return {"none": tf.zeros([BATCH_SIZE, 1])}

    def enqueue(self, ids: Any, weights: Any, training: bool) -> None:
        pass

    def dequeue(self) -> dict[str, tf.Tensor]:
        return self.zero_activations()

    def apply_gradients(self, gradients: Mapping[str, tf.Tensor]) -> None:
        pass


class Seen(keras.Model):
    """A linear model of number `x` that remembers all it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self._logit = keras.layers.Dense(1)
        self.seen = tf.Variable(tf.zeros([0]), shape=[None], trainable=False)

    def call(self, activations: Any, numbers: Any, training: bool = False) -> tf.Tensor:
        if training:
            self.seen.assign(tf.concat([self.seen, numbers["x"]], 0))
        joined = tf.concat([activations["none"], numbers["x"][:, None] / 100], 1)
        return tf.squeeze(self._logit(joined), 1)


@pytest.fixture
def learner() -> Learner:
    """Learns from number `x`."""
    keras.utils.set_random_seed(1)
    return Learner(RecordingEngine(), Seen(), 0.01, ["x"])


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., None]:
    """Trains on examples whose number `x` is 0, 1 and so on, or as given."""
    spec = dict.fromkeys(("label", "x"), tf.io.FixedLenFeature([], tf.float32))
    features = Features(features={}, numbers={"x": Number()})
    reader = BatchReader(spec, features, Target(), BATCH_SIZE, compression="")

    def run(
        learner: Learner, x: np.ndarray, first_step: int = 0, **settings: Any
    ) -> None:
        path = str(tmp_path / "examples")
        with tf.io.TFRecordWriter(path) as writer:
            for number in range(EXAMPLES):
                example = tf.train.Example()
                values = {"label": float(number % 2), "x": x[number]}
                for name, value in values.items():
                    example.features.feature[name].float_list.value.append(value)
                writer.write(example.SerializeToString())
        given = Training(batch_size=BATCH_SIZE, seed=7, **settings)
        train_on_split(
            learner,
            reader,
            lambda split: [path],
            given,
            NoSets(),
            first_step=first_step,
        )

    return run


NUMBERS = np.arange(EXAMPLES, dtype=np.float32)


@pytest.mark.parametrize("settings", [{"epochs": 3}, {"steps": 18}], ids=str)
@pytest.mark.parametrize("done", [1, 6, 7, 17])
@pytest.mark.parametrize("first_step", [0, 1000])
def test_training_goes_on_with_the_examples_that_come_next(
    learner: Learner,
    train: Callable[..., None],
    settings: dict[str, int],
    done: int,
    first_step: int,
) -> None:
    train(learner, NUMBERS, **settings)
    whole = learner.model.seen.numpy()
    learner.model.seen.assign([])
    learner.step.assign(first_step + done)

    train(learner, NUMBERS, first_step, **settings)

    np.testing.assert_array_equal(learner.model.seen, whole[done * BATCH_SIZE :])
    assert int(learner.step) == first_step + 18


@pytest.mark.parametrize("settings", [{"epochs": 3}, {"steps": 18}], ids=str)
def test_training_that_goes_on_from_a_model_reads_from_the_beginning(
    learner: Learner, train: Callable[..., None], settings: dict[str, int]
) -> None:
    train(learner, NUMBERS, **settings)
    whole = learner.model.seen.numpy()
    learner.model.seen.assign([])

    train(learner, NUMBERS, 18, **settings)

    np.testing.assert_array_equal(learner.model.seen, whole)
    assert int(learner.step) == 36


@pytest.mark.parametrize("settings", [{"epochs": 3}, {"steps": 18}], ids=str)
@pytest.mark.parametrize("first_step", [0, 1000])
def test_step_that_is_not_finite_is_told_with_its_examples(
    learner: Learner,
    train: Callable[..., None],
    settings: dict[str, int],
    first_step: int,
) -> None:
    train(learner, NUMBERS, **settings)
    order = learner.model.seen.numpy()[:EXAMPLES].astype(int)
    learner.step.assign(first_step)
    x = NUMBERS.copy()
    bad = int(order[20])  # the 21st example, the 5th of the 3rd step
    x[bad] = np.nan

    with pytest.raises(NotFiniteError) as caught:
        train(learner, x, first_step, **settings)

    assert str(caught.value) == (
        f"Nothing of step {first_step + 3:,} is kept, for it is not finite: number "
        "`x`. It was to learn examples 17 to 24 of epoch 1, in the order of seed 7. "
        "The first whose loss is not finite is example 21 of epoch 1. Checkpoint sets "
        "of the steps before are as they were. Correct the data, or what derives it."
    )
    assert int(learner.step) == first_step + 2
