"""What the constructor and `build` make: order, names, variables, initial values."""

import collections
import functools

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)


def table(name, rows=4, dim=2, **options):
    return tpu.TableConfig(
        rows, dim, initializer=tf.zeros_initializer(), name=name, **options
    )


def names(engine):
    """Returns the tables' names in their order."""
    return [parameters.name for parameters in engine.embedding_tables.values()]


def test_tables_stand_in_the_order_of_their_first_use(sgd):
    a, b, c = table("a"), table("b"), table("c")
    config = {"z": tpu.FeatureConfig(a), "y": [tpu.FeatureConfig(c)]}
    config["x"] = (tpu.FeatureConfig(b), tpu.FeatureConfig(c))
    engine = TPUEmbedding(config, sgd)
    engine.build(2)
    # Keys of a dict in sorted order: x, y, z.
    assert names(engine) == ["b", "c", "a"]


def test_equal_tables_are_two_tables_unless_they_are_one_object(sgd):
    shared = table(None)
    config = [tpu.FeatureConfig(each) for each in (shared, table(None), shared)]
    engine = TPUEmbedding(config, sgd)
    engine.build(2)
    assert len(engine.embedding_tables) == 2


def test_building_inside_a_function_makes_variables_outside_of_it(
    cases, replica_batch, sgd
):
    engine = replica_batch.engine(None, sgd, batch_size=None)

    @tf.function
    def look_up(batch):
        engine.enqueue(batch, training=False)
        return engine.dequeue()

    look_up.get_concrete_function(replica_batch.inputs("dense"))
    for name, variables in cases.state(engine).items():
        np.testing.assert_array_equal(
            variables["parameters"], replica_batch.initial(name)
        )


def test_every_table_keeps_the_learning_rate_of_its_own(replicas):
    with replicas.scope():
        rates = [tf.Variable(value) for value in (0.5, 0.25)]
    calls = collections.Counter()

    def read(at):
        calls[at] += 1
        return rates[at]

    shared = functools.partial(read, 0)
    tables = [
        table("a", optimizer=tpu.SGD(shared)),
        table("b", optimizer=tpu.SGD(functools.partial(read, 1))),
        table("c", optimizer=tpu.SGD(shared)),
        table("d", optimizer=tpu.SGD(0.125)),
    ]
    engine = TPUEmbedding([tpu.FeatureConfig(each) for each in tables])
    engine.build(1)

    @tf.function
    def step(ids):
        engine.enqueue([ids] * 4)
        activations = engine.dequeue()
        engine.apply_gradients([tf.ones_like(value) for value in activations])

    for _ in range(2):
        step(tf.constant([0]))
    first_rows = [
        parameters.variables[0].numpy()[0, 0]
        for parameters in engine.embedding_tables.values()
    ]
    assert first_rows == [-1.0, -0.5, -1.0, -0.25]
    # One graph, in which each distinct callable was asked once.
    assert calls == {0: 1, 1: 1}


@pytest.mark.parametrize("host_count", [1, 2, 3])
def test_initializer_that_knows_shards_gets_those_of_the_hosts(sgd, host_count):
    asked = []

    def initializer(shape, dtype=None, shard_info=None):
        if shard_info is None:
            return tf.zeros(shape)
        asked.append((tuple(shard_info.shape), tuple(shard_info.offset)))
        start = shard_info.offset[0]
        rows = tf.range(start, start + shard_info.shape[0], dtype=tf.float32)
        return tf.tile(rows[:, tf.newaxis], [1, shard_info.shape[1]])

    config = tpu.TableConfig(7, 2, initializer=initializer, name="items")
    hosts = [f"/CPU:{index}" for index in range(host_count)]
    engine = TPUEmbedding(tpu.FeatureConfig(config), sgd, hosts=hosts)
    engine.build(1)
    expected = {1: [(7, 0)], 2: [(4, 0), (3, 4)], 3: [(3, 0), (2, 3), (2, 5)]}
    assert asked == [((rows, 2), (start, 0)) for rows, start in expected[host_count]]
    parts = engine.embedding_tables[config].variables
    got = np.concatenate([part.numpy() for part in parts])
    np.testing.assert_array_equal(got[:, 0], np.arange(7))


@pytest.mark.parametrize(
    "initializer",
    [None, tf.keras.initializers.GlorotNormal(seed=3)],
    ids=["default", "keras"],
)
def test_initial_values_do_not_depend_on_the_number_of_hosts(sgd, initializer):
    config = tpu.TableConfig(7, 2, initializer=initializer, name="items")
    tables = []
    for host_count in (1, 2, 3):
        tf.random.set_seed(0)
        hosts = [f"/CPU:{index}" for index in range(host_count)]
        engine = TPUEmbedding(tpu.FeatureConfig(config), sgd, hosts=hosts)
        engine.build(1)
        parts = engine.embedding_tables[config].variables
        tables.append(np.concatenate([part.numpy() for part in parts]))
    assert np.unique(tables[0]).size > 7
    np.testing.assert_array_equal(tables[1], tables[0])
    np.testing.assert_array_equal(tables[2], tables[0])


def slots_of_ones(parameters, slot_names, initializers):
    del initializers
    return {
        slot: tf.Variable(
            functools.partial(
                tf.ones_initializer(), shape=parameters.shape, dtype=tf.float32
            ),
            trainable=False,
            name=slot,
        )
        for slot in slot_names
    }


@pytest.mark.parametrize("host_count", [1, 3])
def test_slot_creation_function_sets_the_initial_slots(
    cases, replica_batch, oracle, replicas, host_count
):
    optimizer = tpu.Adagrad(0.1, slot_variable_creation_fn=slots_of_ones)
    engine = replica_batch.engine(replicas, optimizer, host_count)
    for name, variables in cases.state(engine).items():
        accumulators = variables["accumulators"]
        np.testing.assert_array_equal(accumulators, np.ones(replica_batch.SHAPES[name]))
    batch = replica_batch.distributed(
        replicas, lambda examples: replica_batch.inputs("sparse", examples)
    )
    replica_batch.training_step(replicas, engine)(batch)
    rule = oracle.Adagrad(0.1, initial_accumulator_value=1.0)
    replica_batch.assert_close(
        cases.state(engine), replica_batch.expected_state(oracle, rule)
    )


def test_slot_creation_function_without_a_shape_is_refused(replica_batch):
    def without_shape(parameters, slot_names, initializers):
        return {
            slot: tf.Variable(tf.ones(parameters.shape), name=slot)
            for slot in slot_names
        }

    optimizer = tpu.Adagrad(0.1, slot_variable_creation_fn=without_shape)
    engine = replica_batch.engine(None, optimizer, batch_size=None)
    with pytest.raises(
        ValueError, match="Unable to extract initializer function and shape"
    ):
        engine.build(replica_batch.BATCH)
