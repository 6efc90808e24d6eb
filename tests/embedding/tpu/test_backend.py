"""What the TPU backend refuses, and how it reads the devices of a strategy."""

import pytest
import tensorflow as tf

from shardline import embedding
from shardline.embedding.config.optimizers import dynamic_learning_rates
from shardline.embedding.tpu import core_devices
from shardline.embedding.tpu.backend import TPUBackend

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(300)

IDS = tf.TensorSpec([4], tf.int64)
DEVICE = "/job:worker/replica:0/task:0/device:TPU:0"


@pytest.fixture
def strategy(fake_tpu):
    return fake_tpu.strategy(1, 2)


@pytest.fixture
def engine(strategy, steps, both_classes):
    """An engine of one dense feature, f0, on two cores."""
    step = steps.Step(("dense",))
    config, shapes = step.feature_config(), step.input_shapes()
    return both_classes.Ours(strategy, config, tpu.SGD(0.1), shapes).engine


@pytest.fixture
def run(strategy, both_classes):
    """Traces a program over the ids of two cores."""

    def trace(program):
        def step(first, second):
            strategy.run(program, args=(both_classes.per_replica([first, second]),))

        tf.function(step, autograph=False).get_concrete_function(IDS, IDS)

    return trace


def test_enqueue_in_function_inside_run_is_refused(engine, run):
    nested = tf.function(lambda ids: engine.enqueue({"f0": ids}))

    with pytest.raises(
        RuntimeError, match="does not match graph which contains TPUReplicateContext"
    ):
        run(nested)


def test_enqueue_in_control_flow_inside_run_is_refused(engine, run):
    def program(ids):
        def enqueue():
            engine.enqueue({"f0": ids})
            return 0

        tf.cond(tf.reduce_sum(ids) > 0, enqueue, lambda: 0)

    with pytest.raises(RuntimeError, match="does not match graph"):
        run(program)


def test_changed_ids_inside_run_are_refused(engine, run):
    with pytest.raises(ValueError, match="does not have the `_tpu_input_identity`"):
        run(lambda ids: engine.enqueue({"f0": ids + 1}))


def test_ids_on_a_tpu_are_refused(engine):
    def step(ids):
        with tf.device(DEVICE):
            ids = tf.identity(ids)
        engine.enqueue({"f0": ids}, device=DEVICE)

    with pytest.raises(ValueError, match=r"which is on a TPU input device .*TPU:0"):
        tf.function(step).get_concrete_function(IDS)


def test_ids_of_run_that_come_from_a_tpu_are_refused(engine, strategy, both_classes):
    def step(first, second):
        with tf.device(DEVICE):
            first = tf.identity(first)
        ids = both_classes.per_replica([first, second])
        strategy.run(lambda ids: engine.enqueue({"f0": ids}), args=(ids,))

    with pytest.raises(ValueError, match=r"which is on a TPU input device .*TPU:0"):
        tf.function(step, autograph=False).get_concrete_function(IDS, IDS)


def test_enqueue_for_another_device_is_refused(engine):
    def step(ids):
        engine.enqueue({"f0": ids}, device="/job:worker/task:0/device:CPU:0")

    with pytest.raises(ValueError, match=r"Non-TPU device .* passed to enqueue"):
        tf.function(step).get_concrete_function(IDS)


def test_ragged_ids_with_spmd_are_refused(fake_tpu, steps, both_classes):
    strategy = fake_tpu.spmd_strategy(1, 4, 2)
    step = steps.Step(("ragged_shaped",), spmd=2)
    engine = both_classes.Ours(
        strategy, step.feature_config(), tpu.SGD(1.0), step.input_shapes()
    )

    with pytest.raises(ValueError, match="SPMD does not support raggedTensor yet"):
        step.graph(engine, both_classes.per_replica, strategy)


def test_joining_needs_an_initialized_engine_only_to_build(strategy):
    with strategy.scope():
        config = tpu.FeatureConfig(tpu.TableConfig(3, 2))
        made = embedding.TPUEmbedding(
            config, tpu.SGD(0.1), initialize_tpu_embedding=False
        )

    with pytest.raises(RuntimeError, match="dequeue called on unbuilt TPUEmbedding"):
        made.dequeue()


MISFITS = {
    "ids of floats": (
        lambda ids: (tf.cast(ids, tf.float32), None),
        "Feature 'f0': ids must be int32 or int64, got float32",
    ),
    "weights of dense ids": (
        lambda ids: (ids, tf.ones([4])),
        "Weight specified for dense input 'f0'",
    ),
    "weights of another kind": (
        lambda ids: (
            tf.sparse.from_dense(ids[:, tf.newaxis]),
            tf.RaggedTensor.from_row_lengths(tf.ones([4]), [1] * 4),
        ),
        "does not match type input which is SparseTensor",
    ),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_misfit_of_the_second_replica_alone_is_refused(misfit, engine, both_classes):
    change, message = MISFITS[misfit]

    def step(first, second):
        second, weight = change(second)
        weights = None if weight is None else both_classes.per_replica([None, weight])
        engine.enqueue(
            {"f0": both_classes.per_replica([first, second])}, {"f0": weights}
        )

    with pytest.raises(ValueError, match=message):
        tf.function(step, autograph=False).get_concrete_function(IDS, IDS)


def test_hosts_are_in_order_of_tasks_and_listed_once():
    devices = [
        f"/job:worker/replica:0/task:{task}/device:TPU:{core}"
        for task, core in ((10, 0), (2, 1), (2, 0), (0, 0))
    ]

    assert core_devices.hosts_of(devices) == [
        f"/job:worker/replica:0/task:{task}/device:CPU:0" for task in (0, 2, 10)
    ]


def test_equal_learning_rates_share_a_tag():
    class Rate:
        def value(self):
            return 0.1

    first, second = Rate(), Rate()
    # A method is another object each time it is taken.
    rates = [first.value, second.value, first.value, 0.3, second.value]

    tags = dynamic_learning_rates([tpu.SGD(rate) for rate in rates])

    assert tags == {first.value: 0, second.value: 1}


def test_shapes_of_a_split_replica_scale_the_batch_only(fake_tpu):
    backend = TPUBackend([], [], fake_tpu.spmd_strategy(1, 4, 2), pipelined=False)
    shapes = [tf.TensorShape([8]), tf.TensorShape([8, 3]), tf.TensorShape([None])]

    cores = backend.shapes_of_core(shapes, [])

    assert [shape.as_list() for shape in cores] == [[4], [4, 3], [None]]
    assert backend.shape_of_replica(cores[1]).as_list() == [8, 3]
