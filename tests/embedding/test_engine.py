"""Batch sizes and the order of calls."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding

NO_BATCH = "no training batch awaits gradients"

pytestmark = pytest.mark.timeout(120)


def test_first_enqueue_fixes_the_batch_size(cases, config):
    engine = TPUEmbedding(config, tpu.SGD(0.1))
    engine.enqueue(cases.clicks(1, 2, 3), training=False)
    assert engine.dequeue()["clicks"].shape == [3, 3]
    with pytest.raises(ValueError, match=r"clicks.*set to be \(3,\).*got.*\(4,\)"):
        engine.enqueue(cases.clicks(1, 2, 3, 4))


def test_first_enqueue_in_a_function_builds(cases, config):
    engine = TPUEmbedding(config, tpu.SGD(0.5), hosts=cases.hosts(3))

    @tf.function
    def step(batch):
        engine.enqueue(batch)
        activations = engine.dequeue()
        engine.apply_gradients({"clicks": tf.ones_like(activations["clicks"])})
        return activations

    for _ in range(2):
        step(cases.clicks(1, 2))
    expected = np.zeros([11, 3])
    expected[[1, 2]] = -1
    np.testing.assert_array_equal(cases.parameters(engine), expected)


def test_build_without_a_batch_size_leaves_it_to_the_first_enqueue(cases, config):
    engine = TPUEmbedding(config, tpu.SGD(0.1))
    engine.build()
    assert len(engine.embedding_tables) == 1
    engine.enqueue(cases.clicks(1, 2, 3), training=False)
    assert engine.dequeue()["clicks"].shape == [3, 3]


def test_build_again_with_the_same_size_changes_nothing(cases, engine):
    engine.build(2)
    np.testing.assert_array_equal(cases.parameters(engine), cases.values())


def test_zero_activations_have_the_shapes_of_activations(cases):
    config = [cases.feature(cases.table()), cases.feature(cases.table(name="b"), 4)]
    zeros = cases.start(config, None).zero_activations()
    assert [value.shape for value in zeros] == [[2, 3], [2, 4, 3]]
    assert not any(np.any(value) for value in zeros)


def test_zero_activations_before_build_are_refused(config):
    with pytest.raises(RuntimeError, match="zero_activations called on unbuilt"):
        TPUEmbedding(config, tpu.SGD(0.1)).zero_activations()


def test_build_with_another_size_is_refused(engine):
    with pytest.raises(ValueError, match=r"clicks.*set to be \(2,\).*got.*\(5,\)"):
        engine.build(5)


@pytest.mark.parametrize("size", [0, -1, True, 2.5, [tf.TensorShape([4])] * 2])
def test_build_with_something_else_than_a_size_is_refused(config, size):
    with pytest.raises((ValueError, TypeError), match="build takes"):
        TPUEmbedding(config, tpu.SGD(0.1)).build(size)


def test_batch_of_another_size_is_refused(cases, engine):
    with pytest.raises(ValueError, match=r"clicks.*set to be \(2,\).*got.*\(3,\)"):
        engine.enqueue(cases.clicks(1, 2, 3))


def test_features_of_different_batch_sizes_keep_their_own(cases):
    table = cases.table()
    config = {"clicks": cases.feature(table), "views": cases.feature(table)}
    engine = cases.start(config, tpu.SGD(0.1), batch_size=None)
    batch = {"clicks": tf.constant([1, 2]), "views": tf.constant([1, 2, 3])}
    engine.enqueue(batch, training=False)
    activations = engine.dequeue()
    for name, rows in batch.items():
        np.testing.assert_array_equal(activations[name], cases.values()[rows.numpy()])


@pytest.mark.parametrize("kind", ["dense", "sparse", "ragged"])
def test_unknown_batch_size_is_checked_at_run_time(cases, engine, kind):
    good, bad = ({"clicks": cases.tensor(kind, [[1]] * n, tf.int64)} for n in (2, 3))

    @tf.function(input_signature=[cases.specs(good, batch_size=None)])
    def look_up(batch):
        engine.enqueue(batch, training=False)
        return engine.dequeue()

    assert look_up(good)["clicks"].shape == [2, 3]
    refused = pytest.raises(
        tf.errors.InvalidArgumentError, match=r"clicks.*output shape \[2\]"
    )
    with refused:
        look_up(bad)
    np.testing.assert_array_equal(look_up(good)["clicks"], cases.values()[[1, 1]])


def test_unknown_batch_size_before_build_is_refused(config):
    engine = TPUEmbedding(config, tpu.SGD(0.1))
    spec = {"clicks": tf.TensorSpec([None], tf.int64)}
    with pytest.raises(ValueError, match=r"clicks.*not fully defined"):
        tf.function(engine.enqueue).get_concrete_function(spec)


def test_calls_before_build_are_refused(cases, config):
    engine = TPUEmbedding(config, tpu.SGD(0.1))
    with pytest.raises(RuntimeError, match="dequeue called on unbuilt"):
        engine.dequeue()
    with pytest.raises(RuntimeError, match="apply_gradients called on unbuilt"):
        engine.apply_gradients(cases.ones())


def test_gradients_without_a_batch_are_refused(cases, engine, compiled):
    with pytest.raises(tf.errors.InvalidArgumentError, match=NO_BATCH):
        cases.called(engine.apply_gradients, compiled, cases.ones())


def test_gradients_of_a_batch_still_queued_are_refused(cases, engine, compiled):
    engine.enqueue(cases.clicks(1, 2))
    with pytest.raises(tf.errors.InvalidArgumentError, match=NO_BATCH):
        cases.called(engine.apply_gradients, compiled, cases.ones())


def test_gradients_of_an_inference_batch_are_refused(cases, engine, compiled):
    engine.enqueue(cases.clicks(1, 2), training=False)
    engine.dequeue()
    with pytest.raises(tf.errors.InvalidArgumentError, match=NO_BATCH):
        cases.called(engine.apply_gradients, compiled, cases.ones())


def test_second_gradients_of_a_batch_are_refused(cases, engine, compiled):
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    engine.apply_gradients(cases.ones())
    with pytest.raises(tf.errors.InvalidArgumentError, match=NO_BATCH):
        cases.called(engine.apply_gradients, compiled, cases.ones())
    expected = cases.values()
    expected[[1, 2]] -= 0.5
    np.testing.assert_allclose(cases.parameters(engine), expected, atol=1e-6)


def test_second_training_dequeue_is_refused(cases, engine, compiled):
    engine.enqueue(cases.clicks(1, 2))
    engine.enqueue(cases.clicks(3, 4))
    engine.dequeue()
    with pytest.raises(tf.errors.InvalidArgumentError, match="still awaits"):
        cases.called(engine.dequeue, compiled)
    engine.apply_gradients(cases.ones())
    expected = cases.values()
    expected[[1, 2]] -= 0.5
    np.testing.assert_allclose(cases.parameters(engine), expected, atol=1e-6)


def test_dequeue_before_gradients_is_refused_and_loses_nothing(cases, engine, compiled):
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    engine.enqueue(cases.clicks(3, 4), training=False)

    def look_up():
        return engine.dequeue()["clicks"]

    with pytest.raises(tf.errors.InvalidArgumentError, match="still awaits"):
        cases.called(look_up, compiled)
    engine.apply_gradients(cases.ones())
    got = cases.called(look_up, compiled)
    np.testing.assert_array_equal(got, cases.values()[[3, 4]])
    expected = cases.values()
    expected[[1, 2]] -= 0.5
    np.testing.assert_array_equal(cases.parameters(engine), expected)


def test_engine_without_optimizer_looks_up_only(cases, config):
    engine = cases.start(config, None)
    assert list(engine.slot_variables.values()) == [{}]
    with pytest.raises(RuntimeError, match=r"enqueue with training=True.*items"):
        engine.enqueue(cases.clicks(1, 2))
    engine.enqueue(cases.clicks(1, 2), training=False)
    np.testing.assert_array_equal(engine.dequeue()["clicks"], cases.values()[[1, 2]])
    with pytest.raises(RuntimeError, match=r"apply_gradients.*optimizer.*items"):
        engine.apply_gradients(cases.ones())
