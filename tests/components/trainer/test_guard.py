"""A step that is not finite is refused before it changes anything, and says why."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from shardline.components.trainer.inputs import Batch
from shardline.components.trainer.learner import Learner
from shardline.components.trainer.not_finite import Fault

LABELS = np.array([1, 0, 0, 1], np.float32)
ROWS = np.array([[0.5, 1], [2, -1], [0, 0.25], [1, 1]], np.float32)
REFUSED = tf.errors.InvalidArgumentError


class RecordingEngine:
    """Gives the rows of two features; remembers whether it was updated."""

    def __init__(self, **rows: np.ndarray):
        defaults = {"user": ROWS, "movie": ROWS}
        self._rows = {k: tf.constant(v) for k, v in {**defaults, **rows}.items()}
        self.updates = tf.Variable(0)

    def zero_activations(self) -> dict[str, tf.Tensor]:
        return {name: tf.zeros_like(rows) for name, rows in self._rows.items()}

    def enqueue(self, ids: Any, weights: Any, training: bool) -> None:
        pass

    def dequeue(self) -> dict[str, tf.Tensor]:
        return self._rows

    def apply_gradients(self, gradients: Mapping[str, tf.Tensor]) -> None:
        self.updates.assign_add(1)


class Dense(keras.Model):
    """A linear model; `spoil` acts on the activations first."""

    def __init__(self, spoil: Callable[[Any], Any] = lambda activations: activations):
        super().__init__()
        self._spoil = spoil
        self._logit = keras.layers.Dense(1, name="logit")

    def call(
        self, activations: Any, numbers: Any = None, training: bool = False
    ) -> tf.Tensor:
        parts = list(self._spoil(activations).values())
        parts += [tf.expand_dims(values, 1) for values in (numbers or {}).values()]
        return tf.squeeze(self._logit(tf.concat(parts, 1)), 1)


def a_learner(
    model: keras.Model | None = None, tolerant: tuple[str, ...] = (), **rows: np.ndarray
) -> tuple[RecordingEngine, Learner]:
    keras.utils.set_random_seed(3)
    engine = RecordingEngine(**rows)
    tables = {"user": "person", "movie": "film"}
    return engine, Learner(
        engine, model or Dense(), 0.01, ["price"], tables=tables, tolerant=tolerant
    )


def batches(
    *prices: np.ndarray, labels: np.ndarray = LABELS, weights: np.ndarray | None = None
) -> Any:
    """Yields one batch for each array of prices, and then sound ones."""
    ones = np.ones(4, np.float32)
    weights = ones if weights is None else weights
    rest = [ones] * 10
    numbers = tf.data.Dataset.from_tensor_slices(np.stack([*prices, *rest]))
    return iter(
        numbers.map(
            lambda price: Batch({}, {}, {"price": price}, labels, weights, ones)
        )
    )


def with_one(value: float, at: int, like: np.ndarray = LABELS) -> np.ndarray:
    spoilt = like.copy()
    spoilt[at] = value
    return spoilt


def state_of(learner: Learner) -> list[np.ndarray]:
    variables = [*learner.model.variables, *learner.optimizer.variables]
    return [np.asarray(variable.value) for variable in variables]


def refused(learner: Learner, iterator: Any, steps: int = 1) -> Fault:
    with pytest.raises(REFUSED):
        learner.train(iterator, tf.constant(steps))
    fault = learner.guard.fault()
    assert fault is not None
    return fault


def test_sound_steps_pass_and_leave_no_fault() -> None:
    engine, learner = a_learner()

    learner.train(batches(), tf.constant(5))

    assert learner.guard.fault() is None
    assert int(learner.step) == int(engine.updates) == 5


@pytest.mark.parametrize(
    ("value", "good"), [(np.nan, 0), (np.inf, 1), (-np.inf, 3)], ids=str
)
def test_bad_step_changes_nothing_and_the_steps_before_are_counted(
    value: float, good: int
) -> None:
    engine, learner = a_learner()
    expected = a_learner()[1]
    ones = [np.ones(4, np.float32)] * good
    if good:
        expected.train(batches(), tf.constant(good))

    fault = refused(learner, batches(*ones, with_one(value, 2)), steps=6)

    assert int(learner.step) == int(engine.updates) == good
    for got, wanted in zip(state_of(learner), state_of(expected), strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert fault.text == "not finite: number `price`"
    assert fault.example == 2
    assert fault.remedy == "Correct the data, or what derives it."


def test_rows_that_are_not_finite_are_named_by_feature_and_table() -> None:
    rows = ROWS.copy()
    rows[3, 1] = np.nan

    fault = refused(a_learner(movie=rows)[1], batches())

    assert fault.text == "not finite: rows of feature `movie` (table `film`)"
    assert fault.example == 3
    assert "the learning rates of the tables" in fault.remedy


def test_labels_and_example_weights_are_named() -> None:
    of_label = refused(a_learner()[1], batches(labels=with_one(np.nan, 1)))
    of_weight = refused(a_learner()[1], batches(weights=with_one(np.inf, 0)))

    assert of_label[::2] == ("not finite: the labels", 1)
    assert of_weight[::2] == ("not finite: the example weights", 0)


def test_dense_weights_that_are_not_finite_are_named() -> None:
    _, learner = a_learner()
    learner.model.variables[1].assign([np.inf])

    fault = refused(learner, batches())

    path = learner.model.variables[1].path
    assert fault.text == f"not finite: weights `{path}`"
    assert "training.learning_rate" in fault.remedy


def test_all_inputs_at_fault_of_one_kind_are_named_and_no_consequences() -> None:
    rows = np.full_like(ROWS, np.nan)

    fault = refused(a_learner(movie=rows, user=rows)[1], batches())

    assert fault.text == (
        "not finite: rows of feature `movie` (table `film`), rows of feature `user` "
        "(table `person`)"
    )


def root(activations: dict[str, Any]) -> dict[str, Any]:
    """Has a finite value at 0, and an infinite gradient there."""
    return {**activations, "user": tf.sqrt(tf.abs(activations["user"]))}


def test_gradient_that_is_not_finite_ends_a_step_whose_loss_is_finite() -> None:
    engine, learner = a_learner(Dense(root))

    fault = refused(learner, batches())

    assert int(engine.updates) == int(learner.step) == 0
    assert fault.text == (
        "not finite: gradient of feature `user` (table `person`); all that went into "
        "the step is finite, and the largest magnitudes are rows of feature `user` "
        "(table `person`): 2, rows of feature `movie` (table `film`): 2, the labels: 1"
    )
    assert fault.example is None


def test_table_that_leaves_such_gradients_out_goes_on_doing_so() -> None:
    engine, learner = a_learner(Dense(root), tolerant=("user",))

    learner.train(batches(), tf.constant(3))

    assert int(engine.updates) == int(learner.step) == 3


def test_overflow_names_the_largest_input() -> None:
    _, learner = a_learner()
    kernel = learner.model.variables[0]
    kernel.assign(tf.fill(kernel.shape, 10.0))

    fault = refused(learner, batches(np.full(4, 3e38, np.float32)))

    assert fault.text.startswith("not finite: the loss; all that went into the step")
    assert "the largest magnitudes are number `price`: 3e+38, weights `" in fault.text
    assert "Lower training.learning_rate" in fault.remedy
    assert fault.example == 0


def test_gradients_whose_squares_overflow_pass() -> None:
    engine, learner = a_learner(
        Dense(lambda a: {**a, "user": a["user"] * 1e-3 + tf.stop_gradient(a["user"])})
    )
    weights = np.full(4, 1e25, np.float32)

    loss = learner.train(batches(weights=weights), tf.constant(2))

    assert np.isfinite(loss)
    assert int(engine.updates) == 2


def test_gradient_of_a_dense_variable_is_watched() -> None:
    @tf.custom_gradient
    def spoilt(kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        return kernel, lambda upstream: upstream * np.nan

    class Spoilt(Dense):
        def call(
            self, activations: Any, numbers: Any = None, training: bool = False
        ) -> tf.Tensor:
            logits = super().call(activations, numbers, training)
            return logits + spoilt(self._logit.bias.value)

    engine, learner = a_learner(Spoilt())

    fault = refused(learner, batches())

    assert int(engine.updates) == 0
    (bias,) = (v for v in learner.model.variables if v.path.endswith("logit/bias"))
    assert fault.text.startswith(f"not finite: gradient of `{bias.path}`;")
