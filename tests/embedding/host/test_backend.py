"""Many steps: in one graph, and with input and training in threads of their own."""

import concurrent.futures
import threading

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("kernels")]

STEPS = 4


def stacked(cases):
    """Returns ids of all steps: dense [steps, 2] and ragged [steps, 2, None]."""
    rng = np.random.default_rng(11)
    history = [
        [rng.integers(0, 11, size).tolist() for size in sizes]
        for sizes in [(3, 0), (1, 4), (2, 2), (0, 5)]
    ]
    return {
        "clicks": tf.constant(rng.integers(0, 11, [STEPS, 2])),
        "history": tf.ragged.constant(history, tf.int64),
    }


def shared_engine(cases):
    table = cases.table("mean")
    config = {"clicks": cases.feature(table), "history": cases.feature(table)}
    return cases.start(config, tpu.Adagrad(0.5))


def train_on_next(engine):
    """Takes the next batch through a model; returns its loss."""
    with tf.GradientTape() as tape:
        activations = engine.dequeue()
        tape.watch(activations)
        product = activations["clicks"] * activations["history"]
        loss = tf.reduce_sum(product) + tf.reduce_sum(activations["clicks"] ** 2)
    engine.apply_gradients(tape.gradient(loss, activations))
    return loss


def step_of(batches, step):
    return {name: value[step] for name, value in batches.items()}


@pytest.fixture(scope="module")
def alternating(cases):
    """Losses and table after strictly alternating eager steps."""
    engine, batches, losses = shared_engine(cases), stacked(cases), []
    for step in range(STEPS):
        engine.enqueue(step_of(batches, step))
        losses.append(train_on_next(engine).numpy())
    return losses, cases.parameters(engine)


def test_loop_of_steps_equals_eager_steps(cases, alternating):
    engine = shared_engine(cases)

    @tf.function
    def train(batches):
        losses = tf.TensorArray(tf.float32, STEPS)
        for step in tf.range(STEPS):
            engine.enqueue(step_of(batches, step))
            losses = losses.write(step, train_on_next(engine))
        return losses.stack()

    losses = train(stacked(cases))
    np.testing.assert_allclose(losses, alternating[0], atol=1e-5)
    np.testing.assert_allclose(cases.parameters(engine), alternating[1], atol=1e-6)


def test_enqueue_ahead_in_a_loop_equals_eager_steps(cases, alternating):
    engine = shared_engine(cases)

    @tf.function
    def train(batches):
        losses = tf.TensorArray(tf.float32, STEPS)
        engine.enqueue(step_of(batches, 0))
        for step in tf.range(STEPS):
            if step + 1 < STEPS:
                engine.enqueue(step_of(batches, step + 1))
            losses = losses.write(step, train_on_next(engine))
        return losses.stack()

    losses = train(stacked(cases))
    np.testing.assert_allclose(losses, alternating[0], atol=1e-5)
    np.testing.assert_allclose(cases.parameters(engine), alternating[1], atol=1e-6)


def test_loop_over_a_dataset_equals_eager_steps(cases, alternating):
    engine = shared_engine(cases)

    @tf.function
    def train(dataset):
        for batch in dataset:
            engine.enqueue(batch)
            train_on_next(engine)

    train(tf.data.Dataset.from_tensor_slices(stacked(cases)))
    np.testing.assert_allclose(cases.parameters(engine), alternating[1], atol=1e-6)


def test_iterator_in_a_loop_equals_eager_steps(cases, alternating):
    engine = shared_engine(cases)
    batches = iter(tf.data.Dataset.from_tensor_slices(stacked(cases)))

    @tf.function
    def train(iterator):
        for _ in tf.range(STEPS):
            engine.enqueue(next(iterator))
            train_on_next(engine)

    train(batches)
    np.testing.assert_allclose(cases.parameters(engine), alternating[1], atol=1e-6)


class Background(threading.Thread):
    """Runs a function beside the test; `finish` gives its result or its error."""

    def __init__(self, function):
        super().__init__(daemon=True)
        self._function = function
        self._result = self._error = None
        self.start()

    def run(self):
        try:
            self._result = self._function()
        except Exception as error:  # handed to the test by `finish`
            self._error = error

    def finish(self, timeout_s=60):
        self.join(timeout_s)
        assert not self.is_alive(), "the background thread hangs"
        if self._error is not None:
            raise self._error
        return self._result


def test_batches_leave_in_the_order_they_came(cases, engine):
    for row in range(3):
        engine.enqueue(cases.clicks(row, row + 1), training=False)
    for row in range(3):
        got = engine.dequeue()["clicks"]
        np.testing.assert_array_equal(got, cases.values()[[row, row + 1]])


def test_dequeue_waits_for_a_batch(cases, engine):
    waiting = Background(engine.dequeue)
    waiting.join(0.3)
    assert waiting.is_alive()
    engine.enqueue(cases.clicks(1, 2), training=False)
    got = waiting.finish()["clicks"]
    np.testing.assert_array_equal(got, cases.values()[[1, 2]])


def test_input_thread_beside_training_thread_equals_alternating_steps(
    oracle, cases, config, compiled
):
    engine = cases.start(config, tpu.Adagrad(0.5))
    reference = oracle.Table(cases.values(), oracle.Adagrad(0.5))
    rng = np.random.default_rng(3)
    batches = rng.integers(0, 11, [20, 2])
    put = tf.function(engine.enqueue) if compiled else engine.enqueue

    def step():
        activations = engine.dequeue()
        engine.apply_gradients({"clicks": activations["clicks"]})
        return activations["clicks"]

    step = tf.function(step) if compiled else step

    def feed():
        for rows in batches:
            put({"clicks": tf.constant(rows)})

    feeding = Background(feed)
    for rows in batches:
        lookup = oracle.Lookup([[row] for row in rows])
        expected = lookup.activations(reference.values)
        np.testing.assert_allclose(step(), expected, atol=1e-5)
        reference.step([(lookup, expected)])
    feeding.finish()
    np.testing.assert_allclose(cases.parameters(engine), reference.values, atol=1e-5)


def test_input_thread_runs_ahead_of_training(cases, engine):
    """The input thread queues batches while no one takes any."""
    queued = threading.Semaphore(0)

    def feed():
        for _ in range(12):
            engine.enqueue(cases.clicks(1, 2))
            queued.release()

    feeding = Background(feed)
    assert queued.acquire(timeout=60)
    assert queued.acquire(timeout=60)
    for _ in range(12):
        engine.dequeue()
        engine.apply_gradients(cases.ones())
    feeding.finish()


def test_error_in_the_input_thread_leaves_the_queue_usable(cases, engine):
    with pytest.raises(tf.errors.InvalidArgumentError, match="'items'"):
        Background(lambda: engine.enqueue(cases.clicks(1, 11))).finish()
    engine.enqueue(cases.clicks(1, 2))
    np.testing.assert_array_equal(engine.dequeue()["clicks"], cases.values()[[1, 2]])


def test_restored_checkpoint_ends_the_wait_for_gradients(
    cases, engine, config, tmp_path
):
    checkpoint = tf.train.Checkpoint(embedding=engine)
    path = checkpoint.write(str(tmp_path / "ckpt"))
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    checkpoint.read(path).assert_consumed()
    engine.enqueue(cases.clicks(3, 4))
    np.testing.assert_array_equal(engine.dequeue()["clicks"], cases.values()[[3, 4]])
    engine.apply_gradients(cases.ones())
    expected = cases.values()
    expected[[3, 4]] -= 0.5
    np.testing.assert_allclose(cases.parameters(engine), expected, atol=1e-6)


def test_threads_that_enqueue_first_build_once(cases, config):
    engine = TPUEmbedding(config, tpu.SGD(0.5))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        batches = [cases.clicks(row, row) for row in (1, 2, 3, 4)]
        list(pool.map(lambda batch: engine.enqueue(batch, training=False), batches))
    for _ in batches:
        engine.dequeue()


@pytest.mark.parametrize("output_shape", [[3, 2], [2, 3], [6]])
def test_ragged_batch_of_unknown_size_is_folded_while_running(cases, output_shape):
    feature = tpu.FeatureConfig(cases.table("mean"), output_shape=output_shape)
    engine = cases.start([feature], None, batch_size=None)
    rows = {
        (3, 2): [[1, 2, 3], [], [4]],
        (2, 3): [[1, 2, 3, 4], [5]],
        (6,): [[1, 2], [], [3], [4, 5, 6], [], [7]],
    }[tuple(output_shape)]
    ids = cases.tensor("ragged", rows, tf.int64)

    @tf.function(input_signature=[[tf.RaggedTensorSpec([None, None], tf.int64)]])
    def look_up(batch):
        engine.enqueue(batch, training=False)
        return engine.dequeue()[0]

    known = tf.function(look_up.python_function)([ids])
    np.testing.assert_allclose(look_up([ids]), known, atol=1e-6)
    odd = cases.tensor("ragged", [[1]] * 4, tf.int64)
    with pytest.raises(tf.errors.InvalidArgumentError, match="should be the factor"):
        look_up([odd])
