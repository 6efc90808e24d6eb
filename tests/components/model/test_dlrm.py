"""The DLRM: what its logits depend on, what they do not, and what it refuses."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from shardline.components.model.dlrm import DLRM

BATCH, DIM, LENGTH = 6, 4, 5
FEATURES = ("genres", "history", "movie_id", "user_id")
SEQUENCE = "history"

Activations = dict[str, np.ndarray]
Numbers = dict[str, np.ndarray]


@pytest.fixture
def activations() -> Activations:
    """Three vectors and one sequence, all of its rows filled."""
    random = np.random.default_rng(1)
    made = {name: random.normal(size=(BATCH, DIM)) for name in FEATURES}
    made[SEQUENCE] = random.normal(size=(BATCH, LENGTH, DIM))
    return {name: rows.astype(np.float32) for name, rows in made.items()}


@pytest.fixture
def numbers() -> Numbers:
    """Three numbers an example, two of them under one name."""
    random = np.random.default_rng(2)
    return {
        "price": random.normal(size=BATCH).astype(np.float32),
        "place": random.normal(size=(BATCH, 2)).astype(np.float32),
    }


@pytest.fixture
def new_model() -> Callable[..., DLRM]:
    """Makes a model whose weights depend on nothing but its options."""

    def make(**options: object) -> DLRM:
        keras.utils.set_random_seed(3)
        return DLRM(**{"hidden_units": [8, 4], **options})

    return make


def test_activations_of_a_batch_give_one_logit_an_example(
    new_model: Callable[..., DLRM], activations: Activations
) -> None:
    logits = new_model()(activations)

    assert logits.shape == (BATCH,)
    assert logits.dtype == tf.float32
    assert len(set(logits.numpy().tolist())) == BATCH


def test_model_without_hidden_layers_is_linear_in_vectors_and_their_products(
    new_model: Callable[..., DLRM], activations: Activations
) -> None:
    model = new_model(hidden_units=[])
    logits = model(activations).numpy()

    means = activations | {SEQUENCE: activations[SEQUENCE].mean(axis=1)}
    vectors = np.stack([means[name] for name in sorted(FEATURES)], axis=1)
    products = np.einsum("bid,bjd->bij", vectors, vectors)
    lower = np.tril_indices(len(FEATURES), -1)
    inputs = np.concatenate(
        [vectors.reshape(BATCH, -1), products[:, lower[0], lower[1]]], axis=1
    )
    kernel, bias = (variable.numpy() for variable in model.trainable_variables)
    np.testing.assert_allclose(logits, (inputs @ kernel + bias)[:, 0], atol=1e-5)


def test_wide_model_adds_a_linear_term_of_the_vectors(
    new_model: Callable[..., DLRM], activations: Activations
) -> None:
    vectors = activations | {SEQUENCE: activations[SEQUENCE].mean(axis=1)}
    wide, deep = new_model(wide=True), new_model()
    logits = wide(vectors).numpy()
    deep(vectors)
    *others, linear = wide.trainable_variables
    for variable, value in zip(deep.trainable_variables, others, strict=True):
        variable.assign(value)

    inputs = np.concatenate([vectors[name] for name in sorted(FEATURES)], axis=1)
    without = deep(vectors).numpy()
    np.testing.assert_allclose(logits - without, (inputs @ linear)[:, 0], atol=1e-5)


@pytest.mark.parametrize("vectors_to_top", [True, False])
def test_numbers_give_one_more_vector(
    new_model: Callable[..., DLRM],
    activations: Activations,
    numbers: Numbers,
    vectors_to_top: bool,
) -> None:
    model = new_model(
        hidden_units=[], bottom_units=[3, DIM], vectors_to_top=vectors_to_top
    )
    logits = model(activations, numbers).numpy()

    w1, b1, w2, b2, kernel, bias = (v.numpy() for v in model.trainable_variables)
    bottom = np.concatenate([numbers["place"], numbers["price"][:, None]], axis=1)
    bottom = np.maximum(np.maximum(bottom @ w1 + b1, 0) @ w2 + b2, 0)
    means = activations | {SEQUENCE: activations[SEQUENCE].mean(axis=1)}
    vectors = np.stack([*(means[name] for name in sorted(FEATURES)), bottom], axis=1)
    products = np.einsum("bid,bjd->bij", vectors, vectors)
    lower = np.tril_indices(len(FEATURES) + 1, -1)
    direct = vectors if vectors_to_top else bottom
    inputs = np.concatenate(
        [direct.reshape(BATCH, -1), products[:, lower[0], lower[1]]], axis=1
    )
    np.testing.assert_allclose(logits, (inputs @ kernel + bias)[:, 0], atol=1e-5)


def test_one_feature_has_no_products(
    new_model: Callable[..., DLRM], activations: Activations
) -> None:
    model = new_model(hidden_units=[])
    one = {"user_id": activations["user_id"]}
    logits = model(one, training=True).numpy()

    kernel, bias = (variable.numpy() for variable in model.trainable_variables)
    expected = (activations["user_id"] @ kernel + bias)[:, 0]
    np.testing.assert_allclose(logits, expected, atol=1e-5)


@pytest.mark.parametrize("filled", [1, 3])
def test_sequence_counts_as_the_mean_of_its_rows_without_padding(
    new_model: Callable[..., DLRM], activations: Activations, filled: int
) -> None:
    model = new_model()
    padded = dict(activations)
    padded[SEQUENCE] = activations[SEQUENCE].copy()
    padded[SEQUENCE][:, filled:] = 0.0
    mean = activations | {SEQUENCE: activations[SEQUENCE][:, :filled].mean(axis=1)}

    np.testing.assert_allclose(model(padded), model(mean), atol=1e-6)


def test_empty_sequence_counts_as_zero(
    new_model: Callable[..., DLRM], activations: Activations
) -> None:
    model = new_model()
    empty = activations | {SEQUENCE: np.zeros_like(activations[SEQUENCE])}
    zero = activations | {SEQUENCE: np.zeros((BATCH, DIM), np.float32)}

    np.testing.assert_array_equal(model(empty), model(zero))


def test_order_of_features_does_not_matter(
    new_model: Callable[..., DLRM], activations: Activations
) -> None:
    backwards = dict(reversed(activations.items()))
    assert list(backwards) != list(activations)

    np.testing.assert_array_equal(
        new_model()(backwards), new_model()(activations), strict=True
    )


def test_gradients_reach_every_weight_and_every_row(
    new_model: Callable[..., DLRM], activations: Activations
) -> None:
    # Units of a ReLU that are off for the whole batch have no gradient.
    model = new_model(hidden_units=[])
    inputs = {name: tf.constant(rows) for name, rows in activations.items()}
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(model(inputs) ** 2)
    weights, rows = tape.gradient(
        loss, [[v.value for v in model.trainable_variables], inputs]
    )

    assert len(weights) == 2
    for gradient in [*weights, *rows.values()]:
        assert np.all(gradient.numpy() != 0.0)


def test_training_gives_the_logits_and_gradients_of_tensorflow(
    new_model: Callable[..., DLRM], activations: Activations, numbers: Numbers
) -> None:
    model = new_model(bottom_units=[DIM])
    inputs = {name: tf.constant(rows) for name, rows in activations.items()}

    def outcome(training: bool) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            logits = model(inputs, numbers, training=training)
        weights = [v.value for v in model.trainable_variables]
        return [logits, *tf.nest.flatten(tape.gradient(logits, [weights, inputs]))]

    for got, expected in zip(outcome(True), outcome(False), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_hidden_layers_are_all_trained(
    new_model: Callable[..., DLRM], activations: Activations
) -> None:
    model = new_model(hidden_units=[32, 16, 8])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(activations) ** 2)
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])

    assert len(gradients) == 2 * (3 + 1)
    assert all(np.any(gradient.numpy() != 0.0) for gradient in gradients)


def test_dropout_acts_in_training_only(
    new_model: Callable[..., DLRM], activations: Activations
) -> None:
    model = new_model(dropout=0.5)

    np.testing.assert_array_equal(model(activations), model(activations))
    assert np.any(model(activations, training=True) != model(activations))


def test_l2_is_the_sum_of_squared_kernels(
    new_model: Callable[..., DLRM], activations: Activations
) -> None:
    model = new_model(l2=0.1)
    model(activations)

    kernels = [v.numpy() for v in model.trainable_variables if len(v.shape) == 2]
    expected = 0.1 * sum(np.sum(kernel**2) for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


def test_features_of_different_dims_are_refused_by_name(
    new_model: Callable[..., DLRM], activations: Activations
) -> None:
    mixed = activations | {"genres": np.zeros((BATCH, 8), np.float32)}

    with pytest.raises(
        ValueError,
        match=r"got genres 8, history 4, movie_id 4, user_id 4\. Give .* same `dim`",
    ):
        new_model()(mixed)


@pytest.mark.parametrize(
    ("hidden_units", "default"), [([8, 6], [8, DIM]), ([], [DIM])], ids=str
)
def test_bottom_units_follow_from_the_rest_where_they_are_not_given(
    new_model: Callable[..., DLRM],
    activations: Activations,
    numbers: Numbers,
    hidden_units: list[int],
    default: list[int],
) -> None:
    model = new_model(hidden_units=hidden_units, l2=0.1)
    given = new_model(hidden_units=hidden_units, l2=0.1, bottom_units=default)

    shapes = []
    for each in (model, given):
        each(activations, numbers)
        shapes.append(sorted(tuple(variable.shape) for variable in each.variables))
        for variable in each.variables:
            variable.assign(np.full(variable.shape, 0.1))

    assert shapes[0] == shapes[1]
    np.testing.assert_allclose(
        model(activations, numbers), given(activations, numbers), rtol=1e-5
    )
    assert float(sum(model.losses)) == pytest.approx(float(sum(given.losses)))


@pytest.mark.parametrize(
    ("options", "has_numbers", "message"),
    [
        ({"bottom_units": [8, DIM]}, False, r"got units and no numbers"),
        (
            {"bottom_units": [DIM, 8]},
            True,
            r"last of `bottom_units` is 8, the dim of genres is 4\. Make them equal",
        ),
    ],
)
def test_numbers_and_bottom_units_must_fit(
    new_model: Callable[..., DLRM],
    activations: Activations,
    numbers: Numbers,
    options: dict[str, object],
    has_numbers: bool,
    message: str,
) -> None:
    inputs = (activations, numbers) if has_numbers else (activations,)

    with pytest.raises(ValueError, match=message):
        new_model(**options)(*inputs)
