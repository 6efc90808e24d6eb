"""What the TPU backend refuses, and how it reads the devices of a strategy."""

import pytest
import tensorflow as tf

import embedding
from embedding.specs import FeatureSpec, TableSpec
from embedding.tpu import core_devices, enqueue_inputs
from embedding.tpu.backend import TPUBackend
from embedding.tpu.config_proto import dynamic_learning_rates

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(300)

IDS = tf.TensorSpec([4], tf.int64)
DEVICE = "/job:worker/replica:0/task:0/device:TPU:0"


@pytest.fixture
def strategy(fake_tpu):
    return fake_tpu.strategy(1, 2)


@pytest.fixture
def engine(strategy, steps, twins):
    """An engine of one dense feature, f0, on two cores."""
    step = steps.Step(("dense",))
    config, shapes = step.feature_config(), step.input_shapes()
    return twins.Ours(strategy, config, tpu.SGD(0.1), shapes).engine


@pytest.fixture
def run(strategy, twins):
    """Traces a program over the ids of two cores."""

    def trace(program):
        def step(first, second):
            strategy.run(program, args=(twins.per_replica([first, second]),))

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


def test_ids_of_run_that_come_from_a_tpu_are_refused(engine, strategy, twins):
    def step(first, second):
        with tf.device(DEVICE):
            first = tf.identity(first)
        ids = twins.per_replica([first, second])
        strategy.run(lambda ids: engine.enqueue({"f0": ids}), args=(ids,))

    with pytest.raises(ValueError, match=r"which is on a TPU input device .*TPU:0"):
        tf.function(step, autograph=False).get_concrete_function(IDS, IDS)


def test_enqueue_for_another_device_is_refused(engine):
    def step(ids):
        engine.enqueue({"f0": ids}, device="/job:worker/task:0/device:CPU:0")

    with pytest.raises(ValueError, match=r"Non-TPU device .* passed to enqueue"):
        tf.function(step).get_concrete_function(IDS)


def test_ragged_ids_with_spmd_are_refused(fake_tpu, steps, twins):
    strategy = fake_tpu.spmd_strategy(1, 4, 2)
    step = steps.Step(("ragged_shaped",), spmd=2)
    engine = twins.Ours(
        strategy, step.feature_config(), tpu.SGD(1.0), step.input_shapes()
    )

    with pytest.raises(ValueError, match="SPMD does not support raggedTensor yet"):
        step.graph(engine, twins.per_replica, strategy)


def test_joining_needs_an_initialized_engine_only_to_build(strategy):
    with strategy.scope():
        config = tpu.FeatureConfig(tpu.TableConfig(3, 2))
        made = embedding.TPUEmbedding(
            config, tpu.SGD(0.1), initialize_tpu_embedding=False
        )

    with pytest.raises(RuntimeError, match="dequeue called on unbuilt TPUEmbedding"):
        made.dequeue()


def backend_of(strategy, optimizer=None, policy="error", **options):
    config = tpu.TableConfig(3, 2, **options)
    table = TableSpec("items", config, optimizer or tpu.SGD(0.1), (0,), policy)
    feature = FeatureSpec("f", tpu.FeatureConfig(config), "items")
    return TPUBackend([feature], [table], strategy, pipelined=False)


@pytest.mark.parametrize("optimizer", ["sgd", tpu.CustomOptimizer(lambda *given: 0)])
def test_other_optimizer_is_refused(optimizer, strategy):
    with pytest.raises(ValueError, match=r"Table 'items'.* is an unsupported optimi"):
        backend_of(strategy, optimizer)


def test_policy_that_a_tpu_does_not_have_is_refused(strategy):
    with pytest.raises(NotImplementedError, match="Table 'items': policy 'drop'"):
        backend_of(strategy, policy="drop")


def test_custom_combiner_is_refused(strategy):
    custom = tpu.CustomCombiner(lambda valency, vectors: vectors, 4)

    with pytest.raises(NotImplementedError, match="Table 'items': a custom combiner"):
        backend_of(strategy, combiner=custom)


FEATURE = FeatureSpec("user/history", tpu.FeatureConfig(tpu.TableConfig(3, 2)), "items")
RAGGED = tf.ragged.constant([[1], [2, 0]], tf.int64)


@pytest.mark.parametrize(
    ("ids", "weights", "message"),
    [
        ([1, 2], None, "Input user/history is of unknown type .*list"),
        (
            tf.constant([1, 2]),
            tf.ones([2]),
            "Weight specified for dense input user/history, which is not allowed",
        ),
        (RAGGED, tf.ones([3]), "does not match type input which is RaggedTensor"),
        (
            RAGGED.to_sparse(),
            tf.cast(RAGGED, tf.float32),
            "does not match type input which is SparseTensor",
        ),
    ],
)
def test_inputs_of_a_kind_that_does_not_fit_are_refused(ids, weights, message):
    with pytest.raises(ValueError, match=message):
        enqueue_inputs.op_inputs([FEATURE], [ids], [weights])


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
    tables = [TableSpec(str(i), None, tpu.SGD(r), (i,)) for i, r in enumerate(rates)]

    assert dynamic_learning_rates(tables) == {first.value: 0, second.value: 1}


def test_shapes_of_a_split_replica_scale_the_batch_only(fake_tpu):
    backend = backend_of(fake_tpu.spmd_strategy(1, 4, 2))
    shapes = [tf.TensorShape([8]), tf.TensorShape([8, 3]), tf.TensorShape([None])]

    cores = backend.shapes_of_core(shapes)

    assert [shape.as_list() for shape in cores] == [[4], [4, 3], [None]]
    assert backend.shape_of_replica(cores[1]).as_list() == [8, 3]
