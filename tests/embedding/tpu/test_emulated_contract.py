"""What the emulated TPU shows of the contract beyond the numbers of the optimizers."""

import itertools
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from shardline import embedding
from shardline.embedding.tpu import core_devices, enqueue_inputs, transfer

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(600)

ROWS, DIM, BATCH = 6, 2, 4
START = np.arange(ROWS * DIM, dtype=np.float32).reshape(ROWS, DIM)


def config(**options):
    table = tpu.TableConfig(
        ROWS, DIM, name="items", initializer=tf.constant_initializer(START), **options
    )
    return [tpu.FeatureConfig(table)]


@pytest.fixture
def start(emulator, emulated, fake_tpu):
    """Builds an engine of one dense feature."""

    def make(optimizer=None, hosts=1, cores=1, features=None, **options):
        strategy = fake_tpu.local_strategy(hosts, cores)
        made = emulated.engine(
            strategy, features or config(), optimizer or tpu.SGD(1.0), **options
        )
        with emulated.local_hosts():
            made.build(BATCH)
        return made

    return make


def ids_of(*rows):
    return [tf.constant(rows or (0, 1, 2, 3), tf.int64)]


def parameters(emulated, engine):
    return emulated.state(engine)["items"]["parameters"]


def train(engine, ids=None, gradient=1.0):
    """One step on the one core; returns the activations."""
    engine.enqueue(ids or ids_of())
    activations = engine.dequeue()
    engine.apply_gradients([tf.fill([BATCH, DIM], gradient)])
    return activations[0].numpy()


def test_pipelined_lookups_are_exactly_one_step_stale(start, emulated):
    engine = start(pipelined=True)

    seen = [train(engine)[0, 0] for _ in range(4)]

    # Row 0 starts at 0 and loses 1 a step; step n sees the updates up to n - 2.
    assert seen == [0, 0, -1, -2]
    assert parameters(emulated, engine)[0, 0] == -4


def test_synchronous_lookups_see_every_update(start):
    engine = start()

    assert [train(engine)[0, 0] for _ in range(3)] == [0, -1, -2]


def test_pipelined_inference_sees_every_update(start):
    engine = start(pipelined=True)
    for _ in range(3):
        train(engine)
    engine.enqueue(ids_of(), training=False)

    assert engine.dequeue()[0][0, 0] == -3


def test_gradients_of_all_cores_are_summed_into_one_update(start, emulated):
    engine = start(tpu.Adagrad(1.0, initial_accumulator_value=4.0), cores=2)
    steps = [
        [
            [
                emulated.Feature(
                    [[0]] * BATCH, None, np.full([BATCH, DIM], g, np.float32)
                )
            ]
            for g in (1.0, 2.0)
        ]
    ]
    emulated.train(engine, ["dense"], steps, 2)

    # One update with 4 * 1 + 4 * 2 = 12.
    np.testing.assert_allclose(
        parameters(emulated, engine)[0, 0], -12 / np.sqrt(4 + 144), 1e-6
    )


def test_row_without_accumulation_is_updated_by_each_occurrence(start, emulated):
    engine = start(
        tpu.Adagrad(1.0, initial_accumulator_value=1.0, use_gradient_accumulation=False)
    )
    train(engine, ids_of(0, 0, 1, 2))

    expected = -1 / np.sqrt(2) - 1 / np.sqrt(3)
    np.testing.assert_allclose(parameters(emulated, engine)[0, 0], expected, 1e-6)


def test_learning_rate_is_evaluated_at_every_step(start, emulated):
    rate = tf.Variable(1.0)
    engine = start(tpu.SGD(lambda: rate))
    train(engine)
    rate.assign(0.25)
    train(engine)

    assert parameters(emulated, engine)[0, 0] == -1.25


def test_quantization_changes_lookups_only(start, emulated):
    quantized = config(quantization_config=tpu.QuantizationConfig(3, 0.0, 10.0))
    engine = start(features=quantized)

    found = train(engine, ids_of(1, 1, 5, 0))

    np.testing.assert_array_equal(found[:, 0], [0, 0, 10, 0])
    assert parameters(emulated, engine)[5, 0] == 9


def test_inference_leaves_tables_alone(start, emulated):
    engine = start()
    for _ in range(2):
        engine.enqueue(ids_of(), training=False)
        np.testing.assert_array_equal(engine.dequeue()[0], START[:4])

    np.testing.assert_array_equal(parameters(emulated, engine), START)


def test_mode_tensor_chooses_training_and_inference(start, emulated):
    engine = start()

    @tf.function
    def enqueue(training):
        engine.enqueue(ids_of(), training=training)

    enqueue(tf.constant(False))
    engine.dequeue()
    enqueue(tf.constant(True))
    engine.dequeue()
    engine.apply_gradients([tf.ones([BATCH, DIM])])

    assert parameters(emulated, engine)[0, 0] == -1


def test_batches_enqueued_ahead_leave_in_order(start, emulator):
    engine = start()
    for row in range(3):
        engine.enqueue(ids_of(*[row] * 4), training=False)

    assert emulator.emulator_enqueued(0) == 3
    assert [engine.dequeue()[0][0, 0].numpy() for _ in range(3)] == [0, 2, 4]


def test_loop_of_steps_in_one_graph_trains(start, emulated):
    engine = start()

    @tf.function
    def loop():
        for _ in tf.range(5):
            engine.enqueue(ids_of())
            engine.dequeue()
            engine.apply_gradients([tf.ones([BATCH, DIM])])

    loop()

    assert parameters(emulated, engine)[0, 0] == -5


def test_none_gradient_touches_rows(start, emulated):
    engine = start(tpu.Adam(1.0))
    train(engine)
    before = parameters(emulated, engine)
    engine.enqueue(ids_of())
    engine.dequeue()
    engine.apply_gradients([None])

    after = parameters(emulated, engine)
    assert (after[:4] != before[:4]).all()
    assert (after[4:] == before[4:]).all()


@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_load_and_retrieve_copy_the_rows_of_each_host(hosts, start, emulated):
    engine = start(tpu.FTRL(0.1), hosts=hosts)
    backend, table = engine._backend, engine._tables[0]
    np.testing.assert_array_equal(parameters(emulated, engine), START)
    everything = [table.parameters, *table.slots.values()]
    for index, shard in itertools.chain.from_iterable(
        enumerate(sharded.variables, 10 * at) for at, sharded in enumerate(everything)
    ):
        shard.assign(tf.fill(shard.shape, float(index)))
    expected = emulated._whole(table.parameters), emulated._whole(everything[2])
    with emulated.local_hosts():
        backend.load([table])
    for sharded in everything:
        for shard in sharded.variables:
            shard.assign(tf.zeros_like(shard))

    found = emulated.state(engine)["items"]

    np.testing.assert_array_equal(found["parameters"], expected[0])
    np.testing.assert_array_equal(found["linears"], expected[1])


@pytest.mark.parametrize("hosts", [1, 2])
def test_cut_holds_what_the_tpu_held(hosts, start, emulated, cut_files, tmp_path):
    engine = start(tpu.FTRL(0.1), hosts=hosts)
    assert engine.touched_rows() is None
    expected = emulated.state(engine)["items"]
    with emulated.local_hosts():
        for sharded in engine._tables[0].slots.values():
            for shard in sharded.variables:
                shard.assign(tf.zeros_like(shard))
        cut = engine.cut(False, str(tmp_path))
        assert not cut.in_pause
        written = cut_files.write(cut, hosts, tmp_path)
    held = cut_files.held(written, {"items": DIM})
    for tensor, values in expected.items():
        np.testing.assert_array_equal(held["items", tensor], values)
    with pytest.raises(ValueError, match="does not track which rows"):
        engine.cut(True, str(tmp_path))


def test_table_of_fewer_rows_than_hosts_trains(start, emulated):
    tiny = [
        tpu.FeatureConfig(tpu.TableConfig(2, DIM, initializer=tf.ones_initializer()))
    ]
    engine = start(hosts=3, features=tiny)
    gradients = np.ones([BATCH, DIM], np.float32)
    batch = [[emulated.Feature([[0], [1], [0], [1]], None, gradients)]] * 3
    with emulated.local_hosts():
        emulated.train(engine, ["dense"], [batch], 3)

    assert emulated.state(engine)["table_0"]["parameters"].tolist() == [[-5, -5]] * 2


def test_enqueue_for_a_device_reaches_its_core(start, emulator):
    engine = start(cores=2)
    device = "/job:localhost/replica:0/task:0/device:TPU:1"
    engine.enqueue(ids_of(3, 3, 3, 3), training=False, device=device)

    assert [emulator.emulator_enqueued(core) for core in (0, 1)] == [0, 1]
    with tf.device("/CPU:1"):
        assert engine.dequeue()[0][0, 0] == 6


def test_second_instance_is_refused(start, emulated, fake_tpu):
    start()
    second = emulated.engine(fake_tpu.local_strategy(1, 1), config(), tpu.SGD(1.0))

    with pytest.raises(RuntimeError, match="TPU is already initialized for embeddings"):
        second.build(BATCH)


def test_joining_instance_takes_the_tables_over(start, emulated, fake_tpu):
    first = start()
    train(first)
    second = emulated.engine(
        fake_tpu.local_strategy(1, 1),
        config(),
        tpu.SGD(1.0),
        initialize_tpu_embedding=False,
    )
    second.build(BATCH)
    train(second)

    assert parameters(emulated, second)[0, 0] == -2
    assert parameters(emulated, first)[0, 0] == -2


def test_joining_nothing_is_refused(emulator, emulated, fake_tpu):
    alone = emulated.engine(
        fake_tpu.local_strategy(1, 1),
        config(),
        tpu.SGD(1.0),
        initialize_tpu_embedding=False,
    )

    with pytest.raises(RuntimeError, match="but this system has none"):
        alone.build(BATCH)


def test_missing_gradients_deadlock_the_next_step(start, emulator):
    engine = start()
    emulator.emulator_set_timeout_ms(300)
    for _ in range(2):
        engine.enqueue(ids_of())
    engine.dequeue()

    with pytest.raises(tf.errors.InvalidArgumentError, match="waits for its gradients"):
        engine.dequeue()


def test_missing_batch_deadlocks(start, emulator):
    engine = start()
    emulator.emulator_set_timeout_ms(300)

    with pytest.raises(tf.errors.InvalidArgumentError, match="no batch was enqueued"):
        engine.dequeue()


def test_gradients_of_inference_are_an_error(start):
    engine = start()
    engine.enqueue(ids_of(), training=False)
    engine.dequeue()

    with pytest.raises(tf.errors.InvalidArgumentError, match="no training batch"):
        engine.apply_gradients([tf.ones([BATCH, DIM])])


def wrong_ordinal(device):
    host, ordinal = _CORE_OF(device)
    return core_devices.Core(host, 1 - ordinal)


def without_weights(features, inputs, weights):
    return _OP_INPUTS(features, inputs, [None] * len(weights))


_CORE_OF, _OP_INPUTS = core_devices.core_of, enqueue_inputs.op_inputs


def test_fault_in_core_is_seen(start, emulated):
    engine = start(cores=2)
    batch = [
        [emulated.Feature([[core]] * BATCH, None, np.ones([BATCH, DIM], np.float32))]
        for core in range(2)
    ]
    with mock.patch.object(core_devices, "core_of", wrong_ordinal):
        found = emulated.train(engine, ["dense"], [batch], 2)

    assert [found[0][core][0][0, 0] for core in range(2)] == [2, 0]


def test_fault_in_weights_is_seen(start):
    ragged = [tpu.FeatureConfig(config(combiner="sum")[0].table)]
    engine = start(features=ragged)
    ids = [tf.RaggedTensor.from_row_lengths(tf.ones([4], tf.int64), [1] * 4)]
    weights = [ids[0].with_values(tf.fill([4], 3.0))]
    engine.enqueue(ids, weights, training=False)
    right = engine.dequeue()[0][0, 0].numpy()
    with mock.patch.object(enqueue_inputs, "op_inputs", without_weights):
        engine.enqueue(ids, weights, training=False)

    assert (right, engine.dequeue()[0][0, 0].numpy()) == (6, 2)


def test_fault_in_shards_is_seen(start):
    def swapped(shards, host_id):
        return shards[1 - host_id]

    with (
        mock.patch.object(transfer, "_shard_or_zeros", swapped),
        pytest.raises(tf.errors.InvalidArgumentError, match="loaded with the shape"),
    ):
        start(hosts=2, features=[tpu.FeatureConfig(tpu.TableConfig(5, DIM))])


def test_checkpoint_brings_trained_rows_out_of_the_device_and_back(
    start, emulator, tmp_path
):
    """Saving retrieves, restoring loads; CPU hosts read the same checkpoint."""
    engine = start(tpu.Adagrad(1.0))
    checkpoint = tf.train.Checkpoint(embedding=engine)
    train(engine)
    after_one = train(engine)
    path = checkpoint.write(str(tmp_path / "ckpt"))
    after_two = train(engine)

    checkpoint.read(path).assert_consumed()
    assert np.any(after_one != after_two)
    np.testing.assert_array_equal(train(engine), after_two)

    hosts = embedding.TPUEmbedding(config(), tpu.Adagrad(1.0))
    hosts.build(BATCH)
    tf.train.Checkpoint(embedding=hosts).read(path).assert_consumed()
    np.testing.assert_array_equal(train(hosts), after_two)
