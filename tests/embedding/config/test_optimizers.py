"""The update rules alone, then which gradients the engine takes and how it uses them.

The rules are compared with the reference on rows drawn at random, under options drawn
at random, a single update at a time: both sides start from the same float32 values.
"""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.config import optimizers

tpu = tf.tpu.experimental.embedding

OTHER_STRUCTURE = "don't have the same nested structure"
DRAWS = 60
SHARED = {
    "clip_weight_min": (None, -1.0, -0.2),
    "clip_weight_max": (None, 0.3, 1.0),
    "clipvalue": (None, 0.5, (None, 0.5), (-0.2, None), (-0.3, 0.1), 0.0),
    "weight_decay_factor": (None, 0.0, 0.01, 0.3),
    "multiply_weight_decay_factor_by_learning_rate": (None, False, True),
}
OPTIONS = {
    "SGD": {},
    "Adagrad": {"initial_accumulator_value": (0.1, 2.0)},
    "AdagradMomentum": {
        "momentum": (0.0, 0.5, 0.9),
        "use_nesterov": (False, True),
        "exponent": (1.0, 2.0, 3.0),
        "beta2": (1, 0.9, 0.5),
        "epsilon": (1e-10, 1e-3),
    },
    "Adam": {
        "beta_1": (0.0, 0.9),
        "beta_2": (0.9, 0.999),
        "epsilon": (1e-7, 0.1),
        "lazy_adam": (False, True),
        "sum_inside_sqrt": (False, True),
    },
    "FTRL": {
        "learning_rate_power": (-0.5, -0.3, -1.0, 0.0),
        "l1_regularization_strength": (0.0, 0.1, 3.0),
        "l2_regularization_strength": (0.0, 0.2),
        "beta": (0.0, 0.7),
        "multiply_linear_by_learning_rate": (False, True),
        "allow_zero_accumulator": (False, True),
    },
}


def drawn(rng, choices):
    """Draws one value of each option."""
    return {name: of[rng.integers(len(of))] for name, of in choices.items()}


def drawn_state(rng, reference, shape):
    """Draws parameters, slots and gradient; a fourth of the gradients is zero."""
    slots = {
        name: rng.normal(size=shape) if name in ("momenta", "linears") else None
        for name in reference.slots(shape)
    }
    for name in ("accumulators", "velocities"):
        if name in slots:
            slots[name] = rng.uniform(0.1, 4, shape)
    gradient = rng.normal(size=shape) * (rng.uniform(size=shape) > 0.25)
    values = [rng.normal(size=shape), *slots.values(), gradient]
    w, *slots, gradient = (value.astype(np.float32) for value in values)
    return w, slots, gradient


def updated(configuration, w, slots, gradient, rate):
    """Returns what the rule makes of the rows and of their slots."""
    w, slots = optimizers.updated_rows(
        configuration,
        tf.constant(w),
        tuple(map(tf.constant, slots)),
        tf.constant(gradient),
        tf.constant(rate, tf.float32),
    )
    return [w.numpy(), *(slot.numpy() for slot in slots)]


def assert_updated_like(reference, got, w, slots, gradient, rate):
    """Asserts that a reference gives what a rule gave."""
    names = list(reference.slots(w.shape))
    wide = {n: slot.astype(np.float64) for n, slot in zip(names, slots, strict=True)}
    w, wide = reference.updated(
        w.astype(np.float64), wide, gradient.astype(np.float64), rate
    )
    for name, value, mine in zip(
        ["parameters", *names], [w, *wide.values()], got, strict=True
    ):
        atol = 2e-6
        if name == "linears" and not reference.multiply_linear_by_learning_rate:
            # It holds differences of weights divided by the learning rate.
            atol /= rate
        np.testing.assert_allclose(
            mine, value, rtol=1e-5, atol=atol, err_msg=f"{name}, {reference}"
        )


@pytest.mark.parametrize("draw", range(DRAWS))
@pytest.mark.parametrize("name", OPTIONS)
def test_rule_matches_reference_row_by_row(oracle, name, draw):
    rng = np.random.default_rng([draw, len(name)])
    options = drawn(rng, SHARED | OPTIONS[name])
    rate = float(np.float32(rng.choice([0.01, 0.1, 1.0])))
    reference = getattr(oracle, name)(rate, **options)
    state = drawn_state(rng, reference, (32, 3))
    got = updated(getattr(tpu, name)(rate, **options), *state, rate)
    assert_updated_like(reference, got, *state, rate)


@pytest.mark.parametrize("options", [{}, {"l1_regularization_strength": 0.1}])
@pytest.mark.parametrize("rate", [0.0, 1e-30])
def test_ftrl_with_the_rate_in_its_linear_slot_takes_a_tiny_rate(oracle, rate, options):
    options = {"multiply_linear_by_learning_rate": True, "beta": 0.5} | options
    reference = oracle.FTRL(rate, **options)
    state = drawn_state(np.random.default_rng(4), reference, (32, 3))
    got = updated(tpu.FTRL(rate, **options), *state, rate)
    assert np.isfinite(got).all()
    assert_updated_like(reference, got, *state, rate)


def test_ftrl_row_whose_linear_lies_inside_l1_becomes_zero():
    shape = (2, 2)
    slots = [np.full(shape, 0.1, np.float32), np.zeros(shape, np.float32)]
    rule = tpu.FTRL(0.1, l1_regularization_strength=5.0)
    ones = np.ones(shape, np.float32)
    w, _, linear = updated(rule, 0.1 * ones, slots, 0 * ones, 0.1)
    np.testing.assert_array_equal(w, 0)
    np.testing.assert_array_equal(linear, 0)


@pytest.mark.parametrize("gradients", [{"views": None}, [None], None])
def test_gradients_of_another_structure_are_refused(cases, engine, gradients):
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    with pytest.raises((ValueError, TypeError), match=OTHER_STRUCTURE):
        engine.apply_gradients(gradients)


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        (tf.ones([2, 4]), r"gradient of shape \(2, 4\).*clicks.*\[2, 3\]"),
        (tf.ones([3, 3]), r"gradient of shape \(3, 3\).*clicks.*\[2, 3\]"),
        (tf.ones([6]), r"gradient of shape \(6,\).*clicks.*\[2, 3\]"),
        ("steep", "found non-tensor type: <class 'str'> at path clicks"),
        (tf.ones([2, 3], tf.float64), "type float64 at path clicks"),
        (tf.ones([2, 3], tf.int32), "type int32 at path clicks"),
    ],
)
def test_unfit_gradient_is_refused_and_can_be_given_again(
    cases, engine, gradient, message
):
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    with pytest.raises(ValueError, match=message):
        engine.apply_gradients({"clicks": gradient})
    engine.apply_gradients(cases.ones())
    expected = cases.values()
    expected[[1, 2]] -= 0.5
    np.testing.assert_allclose(cases.parameters(engine), expected, atol=1e-6)


def test_gradient_shape_known_at_run_time_only_is_checked(cases, engine):
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32)])
    def update(gradient):
        engine.apply_gradients({"clicks": gradient})

    message = r"Shape of tensor gradient \[3,2\] is not compatible with .* \[2,3\]"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        update(tf.ones([3, 2]))


def test_missing_gradient_touches_the_rows_with_zero(oracle, cases, compiled):
    table = cases.table()
    config = {"clicks": cases.feature(table), "views": cases.feature(table)}
    engine = cases.start(config, tpu.Adam(0.5))
    reference = oracle.Table(cases.values(), oracle.Adam(0.5))
    gradient = cases.values(2)

    def step(batch, gradients):
        engine.enqueue(batch)
        engine.dequeue()
        engine.apply_gradients(gradients)

    both = tf.constant(gradient)
    for clicks, views in ((both, both), (both, None), (None, None)):
        batch = {"clicks": tf.constant([1, 2]), "views": tf.constant([2, 9])}
        cases.called(step, compiled, batch, {"clicks": clicks, "views": views})
        lookups = [oracle.Lookup([[1], [2]]), oracle.Lookup([[2], [9]])]
        given = [None if g is None else gradient for g in (clicks, views)]
        reference.step(list(zip(lookups, given, strict=True)))
    state = cases.state(engine)["items"]
    np.testing.assert_allclose(state["parameters"], reference.values, atol=1e-5)
    np.testing.assert_allclose(state["momenta"], reference.slots["momenta"], atol=1e-6)


@pytest.mark.parametrize("optimizer", [tpu.SGD, tpu.Adagrad, tpu.Adam])
def test_rows_without_an_id_keep_every_bit(cases, config, optimizer):
    engine = cases.start(config, optimizer(0.5))
    before = cases.state(engine)["items"]
    engine.enqueue(cases.clicks(1, 7))
    engine.dequeue()
    engine.apply_gradients(cases.ones())
    after = cases.state(engine)["items"]
    others = [row for row in range(11) if row not in (1, 7)]
    for name in before:
        np.testing.assert_array_equal(after[name][others], before[name][others])
    assert (after["parameters"][[1, 7]] != before["parameters"][[1, 7]]).all()


def test_learning_rate_is_asked_for_at_every_step(oracle, cases, config, compiled):
    rate = tf.Variable(0.0)
    engine = cases.start(config, tpu.Adagrad(lambda: rate * 2))
    reference = oracle.Table(cases.values(), oracle.Adagrad(0.0))

    def step():
        engine.enqueue(cases.clicks(1, 2))
        engine.dequeue()
        engine.apply_gradients(cases.ones())

    step = tf.function(step) if compiled else step
    for value in (0.25, 0.5, 0.0):
        rate.assign(value)
        step()
        reference.optimizer = oracle.Adagrad(2 * value)
        reference.step([(oracle.Lookup([[1], [2]]), np.ones([2, 3]))])
    np.testing.assert_allclose(cases.parameters(engine), reference.values, atol=1e-6)


def test_gradients_of_a_loss_train_the_table(cases, engine):
    target = tf.constant(cases.values(2, 3, seed=5))

    @tf.function
    def step(batch):
        engine.enqueue(batch)
        with tf.GradientTape() as tape:
            activations = engine.dequeue()
            tape.watch(activations)
            loss = tf.reduce_sum((activations["clicks"] - target) ** 2)
        engine.apply_gradients(tape.gradient(loss, activations))
        return loss

    # w - 0.5 * 2 (w - target) = target: one step is enough.
    step(cases.clicks(4, 9))
    assert step(cases.clicks(4, 9)) < 1e-9
    np.testing.assert_allclose(cases.parameters(engine)[[4, 9]], target, atol=1e-6)


def test_same_steps_give_the_same_bits(cases):
    def run():
        config = {"clicks": cases.feature(cases.table("mean", rows=50, dim=8))}
        engine = cases.start(config, tpu.Adagrad(0.1), batch_size=256)
        rng = np.random.default_rng(0)
        for step in range(3):
            rows = [rng.integers(0, 50, 20).tolist() for _ in range(256)]
            engine.enqueue({"clicks": cases.tensor("ragged", rows, tf.int64)})
            engine.dequeue()
            engine.apply_gradients({"clicks": tf.constant(cases.values(256, 8, step))})
        return cases.parameters(engine)

    np.testing.assert_array_equal(run(), run())
