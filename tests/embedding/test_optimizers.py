"""Which gradients the engine takes, and what one step does with them."""

import numpy as np
import pytest
import tensorflow as tf

tpu = tf.tpu.experimental.embedding

OTHER_STRUCTURE = "don't have the same nested structure"


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
        ("steep", "'clicks': found non-tensor type <class 'str'>"),
        (tf.ones([2, 3], tf.float64), "clicks.*float64"),
        (tf.ones([2, 3], tf.int32), "clicks.*int32"),
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

    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
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
