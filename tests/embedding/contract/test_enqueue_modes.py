"""The ways to enqueue: before or inside `strategy.run`, for one device, by name."""

import numpy as np
import pytest
import tensorflow as tf

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)

KINDS = ["dense", "sparse", "ragged"]


def batch_of(shop, strategy, kind="sparse"):
    return shop.distributed(strategy, lambda examples: shop.inputs(kind, examples))


@pytest.mark.parametrize("kind", KINDS)
def test_enqueue_inside_run_looks_up_as_outside(shop, replicas, sgd, kind):
    engine = shop.engine(replicas, sgd)

    @tf.function
    def inside(batch):
        def run(own):
            engine.enqueue(own, training=False)
            return engine.dequeue()

        return replicas.run(run, args=(batch,))

    batch = batch_of(shop, replicas, kind)
    got = shop.gathered(replicas, inside(batch))
    outside = shop.look_up_step(replicas, engine)(batch)
    shop.assert_close(got, shop.gathered(replicas, outside), 0)


def test_enqueue_inside_run_trains_as_outside(shop, oracle, replicas):
    engine = shop.engine(replicas, tpu.Adagrad(0.1))

    @tf.function
    def step(batch):
        def run(own):
            engine.enqueue(own)
            shop.train(engine)

        replicas.run(run, args=(batch,))

    for _ in range(2):
        step(batch_of(shop, replicas))
    rule = oracle.Adagrad(0.1)
    shop.assert_close(shop.state(engine), shop.expected_state(oracle, rule, steps=2))


def test_first_enqueue_inside_run_builds_the_engine(shop, oracle, replicas, sgd):
    engine = shop.engine(replicas, sgd, batch_size=None)

    @tf.function
    def step(batch):
        def run(own):
            engine.enqueue(own, training=False)
            return engine.dequeue()

        return replicas.run(run, args=(batch,))

    got = shop.gathered(replicas, step(batch_of(shop, replicas, "dense")))
    shop.assert_close(got, shop.expected_activations(oracle, "dense"), 1e-6)


def test_enqueue_inside_run_takes_computed_ids(shop, replicas, sgd):
    engine = shop.engine(replicas, sgd)

    @tf.function
    def step(batch):
        def run(own):
            engine.enqueue({name: 2 * ids for name, ids in own.items()}, training=False)
            return engine.dequeue()

        return replicas.run(run, args=(batch,))

    batch = replicas.experimental_distribute_values_from_function(
        lambda context: {
            name: tf.constant([context.replica_id_in_sync_group, 2])
            for name in shop.TABLE_OF
        }
    )
    got = shop.gathered(replicas, step(batch))
    for name, value in got.items():
        expected = shop.initial(shop.TABLE_OF[name])[[0, 4, 2, 4]]
        np.testing.assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_enqueue_for_each_device_looks_up_as_for_all(shop, replicas, sgd, kind):
    engine = shop.engine(replicas, sgd)

    @tf.function
    def per_device(batch):
        for replica, device in enumerate(replicas.extended.worker_devices):
            own = {
                name: replicas.experimental_local_results(value)[replica]
                for name, value in batch.items()
            }
            engine.enqueue(own, training=False, device=device)
        return replicas.run(engine.dequeue)

    batch = batch_of(shop, replicas, kind)
    got = shop.gathered(replicas, per_device(batch))
    at_once = shop.look_up_step(replicas, engine)(batch)
    shop.assert_close(got, shop.gathered(replicas, at_once), 0)


def test_devices_may_be_served_in_any_order(shop, oracle, replicas, sgd):
    engine = shop.engine(replicas, sgd)
    for replica in (1, 0):
        engine.enqueue(
            shop.inputs("sparse", shop.examples_of(replica)),
            training=False,
            device=replicas.extended.worker_devices[replica],
        )
    got = tf.function(lambda: replicas.run(engine.dequeue))()
    shop.assert_close(
        shop.gathered(replicas, got), shop.expected_activations(oracle), 1e-6
    )


def test_short_device_names_are_taken(shop, oracle, replicas, sgd):
    engine = shop.engine(replicas, sgd)
    for replica, device in enumerate(("/CPU:0", "/device:CPU:1")):
        own = shop.inputs("sparse", shop.examples_of(replica))
        engine.enqueue(own, training=False, device=device)
    got = tf.function(lambda: replicas.run(engine.dequeue))()
    shop.assert_close(
        shop.gathered(replicas, got), shop.expected_activations(oracle), 1e-6
    )


@pytest.mark.parametrize("training", [True, False])
def test_mode_may_be_a_tensor(shop, replicas, sgd, training):
    engine = shop.engine(replicas, sgd)

    @tf.function
    def step(batch, training):
        engine.enqueue(batch, training=training)
        activations = replicas.run(engine.dequeue)
        if training:
            replicas.run(engine.apply_gradients, args=(activations,))
        return activations

    before = shop.state(engine)
    batch = batch_of(shop, replicas)
    for _ in range(2):
        step(batch, tf.constant(training))
    changed = np.any(
        shop.state(engine)["items"]["parameters"] != before["items"]["parameters"]
    )
    assert changed == training


def test_name_does_not_take_the_place_of_the_training_flag(shop, replicas, sgd):
    """A TPU guesses from names; here a batch for training awaits its gradients."""
    engine = shop.engine(replicas, sgd)

    @tf.function
    def looked_up(batch):
        engine.enqueue(batch, name="without gradients")
        return replicas.run(lambda: engine.dequeue(name="without gradients"))

    batch = batch_of(shop, replicas)
    looked_up(batch)
    with pytest.raises(tf.errors.InvalidArgumentError, match="still awaits"):
        looked_up(batch)


def test_training_and_lookup_batches_leave_in_the_order_they_came(shop, replicas, sgd):
    engine = shop.engine(replicas, sgd)
    batch = batch_of(shop, replicas)
    enqueue = tf.function(engine.enqueue)
    for training in (False, True, False):
        enqueue(batch, training=training)
    look_up = tf.function(lambda: replicas.run(engine.dequeue))
    train = tf.function(lambda: replicas.run(lambda: shop.train(engine)))
    first = shop.gathered(replicas, look_up())
    shop.assert_close(shop.gathered(replicas, train()), first, 0)
    assert np.any(shop.gathered(replicas, look_up())["seen"] != first["seen"])


def nested_function(engine, own):
    tf.function(lambda: engine.enqueue(own, training=False))()


def branch(engine, own):
    tf.cond(
        tf.reduce_sum(own["seen"]) > 0,
        lambda: engine.enqueue(own, training=False) or 0,
        lambda: 0,
    )


def loop(engine, own):
    tf.while_loop(
        lambda number: number < 1,
        lambda number: engine.enqueue(own, training=False) or [number + 1],
        [0],
    )


@pytest.mark.parametrize("enqueue", [nested_function, branch, loop])
def test_enqueue_in_control_flow_inside_run_is_refused(shop, replicas, sgd, enqueue):
    engine = shop.engine(replicas, sgd)

    @tf.function
    def step(batch):
        replicas.run(lambda own: enqueue(engine, own), args=(batch,))

    with pytest.raises(
        RuntimeError,
        match="does not match graph which contains TPUReplicateContext",
    ):
        step(batch_of(shop, replicas, "dense"))


@pytest.mark.parametrize("device", ["/GPU:0", "/CPU:2", "/TPU:0", "/task:5/CPU:0"])
def test_device_of_no_replica_is_refused(shop, replicas, sgd, device):
    engine = shop.engine(replicas, sgd)
    own = shop.inputs("sparse", shop.examples_of(0))
    with pytest.raises(ValueError, match=f"Non-TPU device {device} passed to enqueue"):
        engine.enqueue(own, training=False, device=device)


@pytest.mark.parametrize("method", ["dequeue", "apply_gradients"])
def test_replica_calls_outside_of_run_are_refused(shop, replicas, sgd, method):
    engine = shop.engine(replicas, sgd)
    gradients = {
        name: tf.ones([shop.BATCH, shop.SHAPES[table][1]])
        for name, table in shop.TABLE_OF.items()
    }
    arguments = [gradients] if method == "apply_gradients" else []
    with pytest.raises(RuntimeError, match=rf"{method} must be called inside"):
        getattr(engine, method)(*arguments)
