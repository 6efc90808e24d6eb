"""The ways to enqueue: before or inside `strategy.run`, for one device, by name."""

import numpy as np
import pytest
import tensorflow as tf

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)

KINDS = ["dense", "sparse", "ragged"]


def batch_of(replica_batch, strategy, kind="sparse"):
    return replica_batch.distributed(
        strategy, lambda examples: replica_batch.inputs(kind, examples)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_enqueue_inside_run_looks_up_as_outside(replica_batch, replicas, sgd, kind):
    engine = replica_batch.engine(replicas, sgd)

    @tf.function
    def inside(batch):
        def run(own):
            engine.enqueue(own, training=False)
            return engine.dequeue()

        return replicas.run(run, args=(batch,))

    batch = batch_of(replica_batch, replicas, kind)
    got = replica_batch.gathered(replicas, inside(batch))
    outside = replica_batch.look_up_step(replicas, engine)(batch)
    replica_batch.assert_close(got, replica_batch.gathered(replicas, outside), 0)


def test_enqueue_inside_run_trains_as_outside(cases, replica_batch, oracle, replicas):
    engine = replica_batch.engine(replicas, tpu.Adagrad(0.1))

    @tf.function
    def step(batch):
        def run(own):
            engine.enqueue(own)
            replica_batch.train(engine)

        replicas.run(run, args=(batch,))

    for _ in range(2):
        step(batch_of(replica_batch, replicas))
    rule = oracle.Adagrad(0.1)
    replica_batch.assert_close(
        cases.state(engine), replica_batch.expected_state(oracle, rule, steps=2)
    )


def test_first_enqueue_inside_run_builds_the_engine(
    replica_batch, oracle, replicas, sgd
):
    engine = replica_batch.engine(replicas, sgd, batch_size=None)

    @tf.function
    def step(batch):
        def run(own):
            engine.enqueue(own, training=False)
            return engine.dequeue()

        return replicas.run(run, args=(batch,))

    got = replica_batch.gathered(
        replicas, step(batch_of(replica_batch, replicas, "dense"))
    )
    replica_batch.assert_close(
        got, replica_batch.expected_activations(oracle, "dense"), 1e-6
    )


def test_enqueue_inside_run_takes_computed_ids(replica_batch, replicas, sgd):
    engine = replica_batch.engine(replicas, sgd)

    @tf.function
    def step(batch):
        def run(own):
            engine.enqueue({name: 2 * ids for name, ids in own.items()}, training=False)
            return engine.dequeue()

        return replicas.run(run, args=(batch,))

    batch = replicas.experimental_distribute_values_from_function(
        lambda context: {
            name: tf.constant([context.replica_id_in_sync_group, 2])
            for name in replica_batch.TABLE_OF
        }
    )
    got = replica_batch.gathered(replicas, step(batch))
    for name, value in got.items():
        expected = replica_batch.initial(replica_batch.TABLE_OF[name])[[0, 4, 2, 4]]
        np.testing.assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_enqueue_for_each_device_looks_up_as_for_all(
    replica_batch, replicas, sgd, kind
):
    engine = replica_batch.engine(replicas, sgd)

    @tf.function
    def per_device(batch):
        for replica, device in enumerate(replicas.extended.worker_devices):
            own = {
                name: replicas.experimental_local_results(value)[replica]
                for name, value in batch.items()
            }
            engine.enqueue(own, training=False, device=device)
        return replicas.run(engine.dequeue)

    batch = batch_of(replica_batch, replicas, kind)
    got = replica_batch.gathered(replicas, per_device(batch))
    at_once = replica_batch.look_up_step(replicas, engine)(batch)
    replica_batch.assert_close(got, replica_batch.gathered(replicas, at_once), 0)


def test_devices_may_be_served_in_any_order(replica_batch, oracle, replicas, sgd):
    engine = replica_batch.engine(replicas, sgd)
    for replica in (1, 0):
        engine.enqueue(
            replica_batch.inputs("sparse", replica_batch.examples_of(replica)),
            training=False,
            device=replicas.extended.worker_devices[replica],
        )
    got = tf.function(lambda: replicas.run(engine.dequeue))()
    replica_batch.assert_close(
        replica_batch.gathered(replicas, got),
        replica_batch.expected_activations(oracle),
        1e-6,
    )


def test_short_device_names_are_taken(replica_batch, oracle, replicas, sgd):
    engine = replica_batch.engine(replicas, sgd)
    for replica, device in enumerate(("/CPU:0", "/device:CPU:1")):
        own = replica_batch.inputs("sparse", replica_batch.examples_of(replica))
        engine.enqueue(own, training=False, device=device)
    got = tf.function(lambda: replicas.run(engine.dequeue))()
    replica_batch.assert_close(
        replica_batch.gathered(replicas, got),
        replica_batch.expected_activations(oracle),
        1e-6,
    )


@pytest.mark.parametrize("training", [True, False])
def test_mode_may_be_a_tensor(cases, replica_batch, replicas, sgd, training):
    engine = replica_batch.engine(replicas, sgd)

    @tf.function
    def step(batch, training):
        engine.enqueue(batch, training=training)
        activations = replicas.run(engine.dequeue)
        if training:
            replicas.run(engine.apply_gradients, args=(activations,))
        return activations

    before = cases.state(engine)
    batch = batch_of(replica_batch, replicas)
    for _ in range(2):
        step(batch, tf.constant(training))
    changed = np.any(
        cases.state(engine)["items"]["parameters"] != before["items"]["parameters"]
    )
    assert changed == training


def test_name_does_not_take_the_place_of_the_training_flag(
    replica_batch, replicas, sgd
):
    """A TPU guesses from names; here a batch for training awaits its gradients."""
    engine = replica_batch.engine(replicas, sgd)

    @tf.function
    def looked_up(batch):
        engine.enqueue(batch, name="without gradients")
        return replicas.run(lambda: engine.dequeue(name="without gradients"))

    batch = batch_of(replica_batch, replicas)
    looked_up(batch)
    with pytest.raises(tf.errors.InvalidArgumentError, match="still awaits"):
        looked_up(batch)


def test_training_and_lookup_batches_leave_in_the_order_they_came(
    replica_batch, replicas, sgd
):
    engine = replica_batch.engine(replicas, sgd)
    batch = batch_of(replica_batch, replicas)
    enqueue = tf.function(engine.enqueue)
    for training in (False, True, False):
        enqueue(batch, training=training)
    look_up = tf.function(lambda: replicas.run(engine.dequeue))
    train = tf.function(lambda: replicas.run(lambda: replica_batch.train(engine)))
    first = replica_batch.gathered(replicas, look_up())
    replica_batch.assert_close(replica_batch.gathered(replicas, train()), first, 0)
    assert np.any(replica_batch.gathered(replicas, look_up())["seen"] != first["seen"])


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
def test_enqueue_in_control_flow_inside_run_is_refused(
    replica_batch, replicas, sgd, enqueue
):
    engine = replica_batch.engine(replicas, sgd)

    @tf.function
    def step(batch):
        replicas.run(lambda own: enqueue(engine, own), args=(batch,))

    with pytest.raises(
        RuntimeError,
        match="does not match graph which contains TPUReplicateContext",
    ):
        step(batch_of(replica_batch, replicas, "dense"))


@pytest.mark.parametrize("device", ["/GPU:0", "/CPU:2", "/TPU:0", "/task:5/CPU:0"])
def test_device_of_no_replica_is_refused(replica_batch, replicas, sgd, device):
    engine = replica_batch.engine(replicas, sgd)
    own = replica_batch.inputs("sparse", replica_batch.examples_of(0))
    with pytest.raises(ValueError, match=f"Non-TPU device {device} passed to enqueue"):
        engine.enqueue(own, training=False, device=device)


@pytest.mark.parametrize("method", ["dequeue", "apply_gradients"])
def test_replica_calls_outside_of_run_are_refused(replica_batch, replicas, sgd, method):
    engine = replica_batch.engine(replicas, sgd)
    gradients = {
        name: tf.ones([replica_batch.BATCH, replica_batch.SHAPES[table][1]])
        for name, table in replica_batch.TABLE_OF.items()
    }
    arguments = [gradients] if method == "apply_gradients" else []
    with pytest.raises(RuntimeError, match=rf"{method} must be called inside"):
        getattr(engine, method)(*arguments)
