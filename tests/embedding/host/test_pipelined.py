"""Pipelined execution: one step stale, beside the dense model, nothing lost."""

import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding, serving_embedding_lookup

tpu = tf.tpu.experimental.embedding


@pytest.fixture
def engine(cases, config):
    engine = TPUEmbedding(
        config,
        tpu.SGD(0.5),
        pipeline_execution_with_tensor_core=True,
        hosts=cases.hosts(3),
    )
    engine.build(2)
    for sharded in engine.embedding_tables.values():
        cases.assign(sharded, cases.values())
    return engine


def values_after(cases, steps):
    """Returns rows 1 and 2 after so many steps with a gradient of ones."""
    return cases.values()[[1, 2]] - 0.5 * steps


@pytest.mark.parametrize("ahead", [1, 2, 4])
def test_lookup_misses_exactly_the_last_update(cases, engine, ahead, compiled):
    def step(batch):
        engine.enqueue(batch)
        activations = engine.dequeue()
        engine.apply_gradients(cases.ones())
        return activations["clicks"]

    # However far enqueue runs ahead, the numbers are the same.
    for _ in range(ahead - 1):
        engine.enqueue(cases.clicks(1, 2))
    for done in range(5):
        got = cases.called(step, compiled, cases.clicks(1, 2))
        expected = values_after(cases, max(done - 1, 0))
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_dequeue_inside_a_tape_gives_gradients(cases, engine, compiled):
    def step(batch):
        engine.enqueue(batch)
        with tf.GradientTape() as tape:
            activations = engine.dequeue()
            tape.watch(activations)
            loss = tf.reduce_sum(activations["clicks"])
        engine.apply_gradients(tape.gradient(loss, activations))

    for _ in range(3):
        cases.called(step, compiled, cases.clicks(1, 2))
    got = cases.parameters(engine)[[1, 2]]
    np.testing.assert_allclose(got, values_after(cases, 3), atol=1e-6)


def test_reading_the_tables_applies_the_waiting_update(cases, engine):
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    engine.apply_gradients(cases.ones())
    got = cases.parameters(engine)[[1, 2]]
    np.testing.assert_allclose(got, values_after(cases, 1), atol=1e-6)


def test_checkpoint_holds_the_waiting_update(cases, engine, config, tmp_path):
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    engine.apply_gradients(cases.ones())
    path = tf.train.Checkpoint(embedding=engine).write(str(tmp_path / "ckpt"))
    restored = cases.start(config, tpu.SGD(0.5))
    tf.train.Checkpoint(embedding=restored).read(path).assert_consumed()
    got = cases.parameters(restored)[[1, 2]]
    np.testing.assert_allclose(got, values_after(cases, 1), atol=1e-6)


def test_restoring_voids_the_waiting_update_and_looks_up_again(cases, engine, tmp_path):
    checkpoint = tf.train.Checkpoint(embedding=engine)
    path = checkpoint.write(str(tmp_path / "ckpt"))
    for sharded in engine.embedding_tables.values():
        cases.assign(sharded, cases.values() + 7)
    for _ in range(2):
        engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    engine.apply_gradients(cases.ones())
    checkpoint.read(path).assert_consumed()
    # The second batch was looked up before the restore.
    np.testing.assert_allclose(
        engine.dequeue()["clicks"], cases.values()[[1, 2]], atol=1e-6
    )
    engine.apply_gradients(cases.ones())
    got = cases.parameters(engine)[[1, 2]]
    np.testing.assert_allclose(got, values_after(cases, 1), atol=1e-6)


@pytest.mark.parametrize("ahead", [False, True])
def test_inference_sees_every_update(cases, engine, ahead, compiled):
    def look_up():
        return engine.dequeue()["clicks"]

    engine.enqueue(cases.clicks(1, 2))
    if ahead:
        engine.enqueue(cases.clicks(1, 2), training=False)
    engine.dequeue()
    engine.apply_gradients(cases.ones())
    if not ahead:
        engine.enqueue(cases.clicks(1, 2), training=False)
    for _ in range(2):
        got = cases.called(look_up, compiled)
        np.testing.assert_allclose(got, values_after(cases, 1), atol=1e-6)
        engine.enqueue(cases.clicks(1, 2), training=False)


def test_next_lookup_runs_while_the_dense_model_does(cases, engine):
    """The dense model waits, inside its step, for the next batch's activations."""
    ready = engine._backend._ready[0]
    seen = threading.Event()

    def dense_model(activations):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not seen.is_set():
            if not ready.is_empty():
                seen.set()
        return activations

    @tf.function
    def step():
        activations = engine.dequeue()["clicks"]
        output = tf.py_function(dense_model, [activations], tf.float32)
        engine.apply_gradients(cases.ones())
        return output

    for _ in range(2):
        engine.enqueue(cases.clicks(1, 2))
    step()
    assert seen.is_set()


@pytest.mark.parametrize("call", ["dequeue", "apply_gradients"])
def test_calls_out_of_order_are_refused(cases, engine, call):
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    if call == "dequeue":
        with pytest.raises(tf.errors.InvalidArgumentError, match="still awaits"):
            engine.dequeue()
    else:
        engine.apply_gradients(cases.ones())
        with pytest.raises(tf.errors.InvalidArgumentError, match="no training batch"):
            engine.apply_gradients(cases.ones())


def test_asynchronous_checkpoint_holds_the_waiting_update(
    cases, engine, config, tmp_path
):
    checkpoint = tf.train.Checkpoint(embedding=engine)
    options = tf.train.CheckpointOptions(enable_async=True)
    for step in (1, 2):
        engine.enqueue(cases.clicks(1, 2))
        engine.dequeue()
        engine.apply_gradients(cases.ones())
        path = checkpoint.save(str(tmp_path / "ckpt"), options)
        checkpoint.sync()
        stored = tf.train.load_checkpoint(path).get_tensor(
            "embedding/items/.ATTRIBUTES/VARIABLE_VALUE"
        )
        np.testing.assert_allclose(stored[[1, 2]], values_after(cases, step), atol=1e-6)


def test_checkpoint_written_in_a_function_holds_the_waiting_update(
    cases, engine, tmp_path
):
    checkpoint = tf.train.Checkpoint(embedding=engine)
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    engine.apply_gradients(cases.ones())
    path = str(tmp_path / "ckpt")
    tf.function(lambda: checkpoint.write(path))()
    stored = tf.train.load_checkpoint(path).get_tensor(
        "embedding/items/.ATTRIBUTES/VARIABLE_VALUE"
    )
    np.testing.assert_allclose(stored[[1, 2]], values_after(cases, 1), atol=1e-6)


def test_export_of_a_pipelined_engine_looks_up_only(cases, engine, config, tmp_path):
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    module = tf.Module()
    module.engine = engine

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
    def serve(ids):
        tables = engine.embedding_tables
        return serving_embedding_lookup({"clicks": ids}, None, tables, config)["clicks"]

    module.serve = serve
    tf.saved_model.save(module, str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.serve([1, 2]), cases.values()[[1, 2]])
