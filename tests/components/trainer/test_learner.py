"""The training step, and that a checkpoint holds all it changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics as sklearn_metrics

from shardline.components.model.dlrm import DLRM
from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.loop import save


def train(learner: Learner, batches: tf.data.Dataset, calls: list[int]) -> list[float]:
    """Trains in calls of so many steps; returns the losses."""
    iterator = iter(batches)
    return [float(learner.train(iterator, tf.constant(steps))) for steps in calls]


def assert_same(got: dict[str, Any], expected: dict[str, Any]) -> None:
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)


@pytest.mark.parametrize("calls", [[6], [2, 4], [5, 1]], ids=str)
def test_steps_in_one_call_are_those_of_single_calls(
    learner: Learner,
    restart: Callable[[], None],
    state_of: Callable[..., Any],
    batches: tf.data.Dataset,
    calls: list[int],
) -> None:
    train(learner, batches, [1] * 6)
    single = state_of(learner)
    restart()

    train(learner, batches, calls)

    assert_same(state_of(learner), single)


def test_learners_of_one_seed_start_alike(
    learner: Learner,
    other_learner: Learner,
    learner_of: Callable[..., Learner],
    state_of: Callable[..., Any],
) -> None:
    assert_same(state_of(learner_of()), state_of(learner))
    start, other = state_of(learner), state_of(other_learner)
    for table in ("person", "movie", "tag", "model 0"):
        assert not np.array_equal(start[table], other[table]), table


def test_loss_of_a_call_is_the_mean_of_its_steps(
    learner: Learner, restart: Callable[[], None], batches: tf.data.Dataset
) -> None:
    single = train(learner, batches, [1] * 5)
    restart()

    (several,) = train(learner, batches, [5])

    assert several == pytest.approx(np.mean(single), rel=1e-6)


def test_training_changes_every_part_and_counts_its_steps(
    learner: Learner, state_of: Callable[..., Any], batches: tf.data.Dataset
) -> None:
    before = state_of(learner)

    losses = train(learner, batches, [40, 40, 40])

    after = state_of(learner)
    assert after["step"] == 120
    unchanged = {name for name in before if np.array_equal(before[name], after[name])}
    # Adam of the dense model keeps its rate as a variable.
    assert unchanged <= {"optimizer 1"}
    assert losses[-1] < losses[0]


def test_hosts_do_not_change_what_is_learnt(
    learner: Learner,
    learner_of: Callable[..., Learner],
    state_of: Callable[..., Any],
    batches: tf.data.Dataset,
    tmp_path: Path,
) -> None:
    three = learner_of(hosts=3, seed=1)
    save(learner, str(tmp_path / "start"))
    three.checkpoint().read(str(tmp_path / "start")).assert_consumed()

    train(learner, batches, [10])
    train(three, batches, [10])

    got, expected = state_of(three), state_of(learner)
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_checkpoint_restores_all_that_training_changes(
    learner: Learner,
    other_learner: Learner,
    state_of: Callable[..., Any],
    batches: tf.data.Dataset,
    tmp_path: Path,
) -> None:
    train(learner, batches, [3])
    save(learner, str(tmp_path / "checkpoint"))

    other_learner.checkpoint().read(str(tmp_path / "checkpoint")).assert_consumed()

    assert_same(state_of(other_learner), state_of(learner))


def test_checkpoint_holds_the_variables_of_layers_in_lists(
    learner: Learner, tmp_path: Path
) -> None:
    save(learner, str(tmp_path / "checkpoint"))

    saved = tf.train.list_variables(str(tmp_path / "checkpoint"))

    shapes = [list(shape) for name, shape in saved if name.startswith("model/")]
    assert sorted(shapes) == sorted(list(v.shape) for v in learner.model.variables)
    # Two hidden layers and the logit, each with kernel and bias.
    assert len(shapes) == 6


def test_restored_learner_goes_on_as_if_never_stopped(
    learner: Learner,
    other_learner: Learner,
    state_of: Callable[..., Any],
    batches: tf.data.Dataset,
    tmp_path: Path,
) -> None:
    train(learner, batches, [3])
    save(learner, str(tmp_path / "checkpoint"))
    train(learner, batches.skip(3), [3])

    other_learner.checkpoint().read(str(tmp_path / "checkpoint")).assert_consumed()
    train(other_learner, batches.skip(3), [3])

    assert_same(state_of(other_learner), state_of(learner))


class StubEngine:
    """The same activations each step; keeps the gradients it gets."""

    def __init__(self, activations: dict[str, tf.Tensor]):
        self._activations = activations
        zeros = self.zero_activations()
        self.gradients = {name: tf.Variable(zeros[name]) for name in zeros}

    def zero_activations(self) -> dict[str, tf.Tensor]:
        return {name: tf.zeros_like(rows) for name, rows in self._activations.items()}

    def enqueue(self, ids: Any, weights: Any, training: bool) -> None:
        pass

    def dequeue(self) -> dict[str, tf.Tensor]:
        return self._activations

    def apply_gradients(self, gradients: dict[str, tf.Tensor]) -> None:
        for name, gradient in gradients.items():
            self.gradients[name].assign(gradient)


RANDOM = np.random.default_rng(1)
LABELS = np.array([1, 0, 0, 1, 0, 0], np.float32)
WEIGHTS = np.array([1, 0, 2, 0.5, 3, 1], np.float32)
ACTIVATIONS = {
    name: tf.constant(RANDOM.normal(size=[6, 4]), tf.float32)
    for name in ("user", "movie")
}
ZEROS = {name: tf.zeros_like(rows) for name, rows in ACTIVATIONS.items()}
NUMBERS = {
    name: tf.constant(RANDOM.normal(size=6), tf.float32) for name in ("price", "age")
}


def endless(weights: Any, numbers: dict[str, tf.Tensor] = NUMBERS) -> Any:
    """Returns one batch of the labels, again and again."""
    batch = Batch({}, {}, numbers, LABELS, tf.constant(weights), tf.ones([6]))
    return iter(tf.data.Dataset.from_tensors(batch).repeat())


def new_stub_learner(
    activations: dict[str, tf.Tensor], **options: Any
) -> tuple[StubEngine, Learner]:
    """Returns a learner of a DLRM with numbers, the same each time."""
    keras.utils.set_random_seed(2)
    engine = StubEngine(activations)
    return engine, Learner(engine, DLRM(**options), 0.01, NUMBERS)


@pytest.mark.parametrize("weights", [np.ones_like(LABELS), WEIGHTS], ids=["1", "w"])
def test_tables_learn_from_the_sum_of_weighted_losses_and_the_model_from_the_mean(
    weights: np.ndarray,
) -> None:
    engine, learner = new_stub_learner(ACTIVATIONS, hidden_units=[8], l2=0.1)
    model = learner.model
    with tf.GradientTape() as tape:
        tape.watch(ACTIVATIONS)
        logits = model(ACTIVATIONS, NUMBERS)
        losses = weights * tf.nn.sigmoid_cross_entropy_with_logits(LABELS, logits)
        mean = tf.add_n([tf.reduce_sum(losses) / 6, *model.losses])
    variables = [variable.value for variable in model.trainable_variables]
    dense, rows = tape.gradient(mean, [variables, ACTIVATIONS])

    loss = learner.train(endless(weights), tf.constant(1))

    x = logits.numpy().astype(np.float64)
    entropies = np.log1p(np.exp(x)) - LABELS * x
    assert float(loss) == pytest.approx((weights * entropies).sum() / 6, rel=1e-5)
    for name, gradient in rows.items():
        np.testing.assert_allclose(
            engine.gradients[name], 6 * gradient, rtol=1e-3, atol=1e-6
        )
    assert np.any(engine.gradients["user"][1] != 0) == (weights[1] != 0)
    # After one step Adam's momentum is a tenth of the gradient.
    momenta = [v for v in learner.optimizer.variables if "momentum" in v.path]
    for momentum, gradient in zip(momenta, dense, strict=True):
        np.testing.assert_allclose(10 * momentum, gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("weights", [1 + 2 * LABELS, 3 - 2 * LABELS], ids=["1", "0"])
def test_model_that_sees_nothing_learns_the_weighted_base_rate(
    weights: np.ndarray,
) -> None:
    _, learner = new_stub_learner(ZEROS, hidden_units=[])
    batches = endless(weights, dict.fromkeys(NUMBERS, tf.zeros([6])))

    learner.train(batches, tf.constant(600))

    rate = (weights * LABELS).sum() / weights.sum()
    np.testing.assert_allclose(learner.scores(next(batches)), rate, atol=0.02)


def test_model_learns_from_numbers_alone() -> None:
    _, learner = new_stub_learner(ZEROS, hidden_units=[8])
    batches = endless(np.ones_like(LABELS), NUMBERS | {"price": tf.constant(LABELS)})

    learner.train(batches, tf.constant(400))

    scores = learner.scores(next(batches)).numpy()
    assert (scores[LABELS == 1] > 0.8).all()
    assert (scores[LABELS == 0] < 0.2).all()


def test_evaluation_weighs_examples_and_leaves_out_the_fillers() -> None:
    _, learner = new_stub_learner(ZEROS, hidden_units=[8])
    is_example = np.array([1, 1, 1, 1, 1, 0], np.float32)

    def drawn(step: tf.Tensor) -> Batch:
        price, age = tf.unstack(tf.random.stateless_normal([2, 6], [step, 0]))
        noise, weights = tf.unstack(tf.random.stateless_uniform([2, 6], [step, 1]))
        labels = tf.cast(noise < 0.5, tf.float32)
        # What only the weights tell: old is 1.
        weights += tf.where((age > 0) == (labels > 0), 3.0, 0.0)
        numbers = {"price": 20 * price, "age": 20 * age}
        return Batch({}, {}, numbers, labels, weights, is_example)

    measured = tf.data.Dataset.range(100).map(drawn)
    scores = learner.predict(measured)
    labels, weights = (
        np.concatenate([getattr(batch, part)[:5].numpy() for batch in measured])
        for part in ("labels", "example_weights")
    )
    unweighted = sklearn_metrics.roc_auc_score(labels, scores)
    expected = sklearn_metrics.roc_auc_score(labels, scores, sample_weight=weights)

    metrics = learner.evaluate(measured).values

    assert abs(expected - unweighted) > 0.01
    assert metrics["auc"] == pytest.approx(expected, abs=1e-12)
    calibration = (scores * weights).sum() / (labels * weights).sum()
    assert metrics["calibration"] == pytest.approx(calibration, rel=1e-5)
