"""Which configurations the engine takes, and that it leaves them alone."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding

Pair = collections.namedtuple("Pair", ["first", "second"])


@pytest.mark.parametrize(
    "nest",
    [
        lambda a, b: {"x": a, "y": b},
        lambda a, b: {"y": a, "x": b},
        lambda a, b: [a, b],
        lambda a, b: (a, b),
        lambda a, b: Pair(a, b),
        lambda a, b: {"x": [a], "y": {"z": (b,)}},
        lambda a, b: collections.OrderedDict(y=a, x=b),
    ],
    ids=["dict", "unsorted", "list", "tuple", "namedtuple", "nested", "ordered"],
)
def test_activations_have_the_structure_of_the_configuration(cases, nest):
    first, second = cases.table(name="first"), cases.table(name="second", dim=2)
    engine = cases.start(nest(cases.feature(first), cases.feature(second)), None)
    engine.enqueue(nest(tf.constant([1, 2]), tf.constant([3, 4])), training=False)
    activations = engine.dequeue()
    expected = nest(cases.values(dim=3)[[1, 2]], cases.values(dim=2)[[3, 4]])
    tf.nest.assert_same_structure(activations, expected)
    tf.nest.map_structure(np.testing.assert_array_equal, activations, expected)


def test_single_feature_needs_no_structure(cases):
    engine = cases.start(cases.feature(cases.table()), tpu.SGD(0.5))
    engine.enqueue(tf.constant([1, 2]))
    np.testing.assert_array_equal(engine.dequeue(), cases.values()[[1, 2]])
    engine.apply_gradients(tf.ones([2, 3]))
    expected = cases.values()
    expected[[1, 2]] -= 0.5
    np.testing.assert_allclose(cases.parameters(engine), expected, atol=1e-6)


def test_features_of_all_kinds_share_a_table_in_one_batch(oracle, cases):
    table = cases.table("sqrtn")
    config = {
        "dense": cases.feature(table),
        "ragged": cases.feature(table),
        "sequence": cases.feature(table, length=2),
        "sparse": cases.feature(table),
    }
    rows = {
        "dense": [[1], [2]],
        "ragged": [[], [1, 2, 2]],
        "sequence": [[3, 2, 1], [2]],
        "sparse": [[2, 4], []],
    }
    kinds = {name: name.replace("sequence", "ragged") for name in rows}
    engine = cases.start(config, tpu.Adagrad(0.5))
    engine.enqueue({n: cases.tensor(kinds[n], rows[n], tf.int64) for n in rows})
    activations = engine.dequeue()
    gradients = {
        name: cases.values(int(np.prod(a.shape[:-1])), 3, seed).reshape(a.shape)
        for seed, (name, a) in enumerate(activations.items())
    }
    engine.apply_gradients(tf.nest.map_structure(tf.constant, gradients))
    reference = oracle.Table(cases.values(), oracle.Adagrad(0.5))
    lookups = [
        oracle.Lookup(rows[n], "sqrtn", max_sequence_length=2 * (n == "sequence"))
        for n in rows
    ]
    expected = reference.step(list(zip(lookups, gradients.values(), strict=True)))
    for name, value in zip(rows, expected, strict=True):
        np.testing.assert_allclose(activations[name], value, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(cases.parameters(engine), reference.values, atol=1e-6)


def test_table_with_its_own_optimizer_keeps_it(cases):
    config = {
        "clicks": cases.feature(cases.table(name="plain")),
        "views": cases.feature(cases.table(name="own", optimizer=tpu.Adagrad(0.5))),
    }
    engine = cases.start(config, tpu.SGD(0.5))
    slots = {table.name: list(s) for table, s in engine.slot_variables.items()}
    assert slots == {"plain": [], "own": ["accumulators"]}
    batch = tf.constant([1, 1])
    engine.enqueue({"clicks": batch, "views": batch})
    engine.dequeue()
    engine.apply_gradients({"clicks": tf.ones([2, 3]), "views": tf.ones([2, 3])})
    step = {n: cases.values()[1] - cases.parameters(engine, n)[1] for n in slots}
    np.testing.assert_allclose(step["plain"], np.full(3, 1.0), atol=1e-6)
    np.testing.assert_allclose(step["own"], np.full(3, 1 / 4.1**0.5), atol=1e-6)


@pytest.mark.parametrize("inside", [True, False])
def test_adam_adds_epsilon_where_it_is_told(oracle, cases, config, inside):
    options = {"beta_1": 0.5, "beta_2": 0.75, "epsilon": 2.0, "sum_inside_sqrt": inside}
    engine = cases.start(config, tpu.Adam(0.5, **options))
    reference = oracle.Table(cases.values(), oracle.Adam(0.5, **options))
    for _ in range(3):
        engine.enqueue(cases.clicks(1, 5))
        engine.dequeue()
        engine.apply_gradients(cases.ones())
        reference.step([(oracle.Lookup([[1], [5]]), np.ones([2, 3]))])
    np.testing.assert_allclose(cases.parameters(engine), reference.values, atol=1e-6)


def test_configuration_objects_stay_as_they_were(cases):
    table, optimizer = cases.table(name=None), tpu.Adagrad(0.1)
    feature = cases.feature(table)
    before = [dict(vars(item)) for item in (table, feature, optimizer)]
    engine = cases.start({"clicks": feature}, optimizer)
    engine.enqueue(cases.clicks(1, 2))
    engine.dequeue()
    engine.apply_gradients(cases.ones())
    assert [vars(item) for item in (table, feature, optimizer)] == before
    assert list(engine.embedding_tables) == [table]


def test_table_configuration_serves_two_engines(cases, config):
    first = cases.start(config, tpu.Adam(0.1))
    second = cases.start(config, tpu.SGD(0.1))
    assert [list(s) for s in first.slot_variables.values()] == [
        ["momenta", "velocities"]
    ]
    assert [list(s) for s in second.slot_variables.values()] == [[]]
    first.enqueue(cases.clicks(1, 2))
    first.dequeue()
    first.apply_gradients(cases.ones())
    np.testing.assert_array_equal(cases.parameters(second), cases.values())


def test_unnamed_tables_train_beside_a_table_of_the_generated_name(cases):
    names = (None, "table_0", None, "table_2")
    tables = [cases.table(name=name) for name in names]
    config = [cases.feature(table) for table in tables]
    engine = cases.start(config, tpu.SGD(0.5))
    engine.enqueue([tf.constant([row, row]) for row in (1, 2, 3, 4)])
    engine.dequeue()
    engine.apply_gradients([tf.ones([2, 3])] * 4)
    for row, table in enumerate(tables, 1):
        expected = cases.values()
        expected[row] -= 1
        got = cases.read(engine.embedding_tables[table])
        np.testing.assert_allclose(got, expected, atol=1e-6)
    got = [sharded.name for sharded in engine.embedding_tables.values()]
    assert len(set(got)) == 4
    assert [got[at] for at in (1, 3)] == ["table_0", "table_2"]


@pytest.mark.parametrize("optimizer", ["sgd", object()])
def test_foreign_optimizer_is_refused(config, optimizer):
    with pytest.raises(ValueError, match=r"'items'.*unsupported optimizer class"):
        TPUEmbedding(config, optimizer)


def test_foreign_optimizer_of_a_table_is_refused(cases):
    config = cases.feature(cases.table(optimizer="sgd"))
    with pytest.raises(ValueError, match=r"'items'.*unsupported optimizer class"):
        TPUEmbedding(config, tpu.SGD(0.1))


def test_something_else_than_a_feature_is_refused(config):
    with pytest.raises(ValueError, match=r"user/age.*must be a FeatureConfig"):
        TPUEmbedding({**config, "user": {"age": 3}}, tpu.SGD(0.1))


def test_configuration_without_features_is_refused():
    with pytest.raises(ValueError, match="no feature"):
        TPUEmbedding({}, tpu.SGD(0.1))


def test_integer_table_is_refused(cases):
    config = cases.feature(cases.table(dtype=tf.int32))
    with pytest.raises(
        NotImplementedError, match=r"'items': dtype=.*int32.* is not implemented"
    ):
        TPUEmbedding(config, tpu.SGD(0.1))


def test_custom_combiner_is_refused(cases):
    add = tf.function(lambda rows, weights: tf.reduce_sum(rows, axis=0))
    combiner = tpu.CustomCombiner(add, max_valency=2)
    config = cases.feature(cases.table(combiner))
    with pytest.raises(
        NotImplementedError, match="'items': a custom combiner is not implemented"
    ):
        TPUEmbedding(config, tpu.SGD(0.1))


def test_hosts_given_as_one_string_are_refused(config):
    with pytest.raises(ValueError, match="hosts must be a list of device names, got"):
        TPUEmbedding(config, tpu.SGD(0.1), hosts="/CPU:0")


def test_host_that_does_not_exist_is_refused(config):
    message = r"hosts \['/CPU:7'\] are not among the known CPU devices"
    with pytest.raises(ValueError, match=message):
        TPUEmbedding(config, tpu.SGD(0.1), hosts=["/CPU:0", "/CPU:7"])


def test_features_of_one_path_are_refused(cases):
    config = {name: cases.feature(cases.table(name=name)) for name in "xy"}
    nest = {"a/b": config["x"], "a": {"b": config["y"]}}
    with pytest.raises(ValueError, match=r"several features at \['a/b'\]"):
        TPUEmbedding(nest, tpu.SGD(0.1))
