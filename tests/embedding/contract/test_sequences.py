"""Sequences: an activation for each position, zeros behind, no pooling."""

import numpy as np
import pytest
import tensorflow as tf

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)

KINDS = ["sparse", "ragged"]


def batch_of(shop, strategy, kind):
    return shop.distributed(strategy, lambda examples: shop.inputs(kind, examples))


def shapes(shop, replicas, activations):
    return {
        name: [tuple(part.shape) for part in replicas.experimental_local_results(value)]
        for name, value in activations.items()
    }


@pytest.mark.parametrize(("kind", "host_count"), [("sparse", 3), ("ragged", 1)])
def test_positions_keep_their_rows_and_zeros_fill_up(
    shop, oracle, replicas, sgd, kind, host_count
):
    engine = shop.engine(replicas, sgd, host_count, shop.LENGTH)
    look_up = shop.look_up_step(replicas, engine)
    got = shop.gathered(replicas, look_up(batch_of(shop, replicas, kind)))
    expected = shop.expected_activations(oracle, kind, shop.LENGTH)
    shop.assert_close(got, expected, 1e-6)


@pytest.mark.parametrize(
    "build",
    [
        None,
        2,
        {"bought": [2, 3], "groups": [2, 3], "seen": [2, 3]},
        {"bought": [2, 4, 3], "groups": [2, 4, 3], "seen": [2, 4, 3]},
        {"bought": [2, None], "groups": [2, 1], "seen": [2, 7]},
    ],
    ids=["lazy", "batch size", "rank 2", "rank 3", "rank 2, any width"],
)
def test_every_form_of_build_gives_batch_length_dim(shop, replicas, sgd, build):
    length = 4
    engine = shop.engine(replicas, sgd, length=length, batch_size=None)
    if isinstance(build, dict):
        build = {name: tf.TensorShape(shape) for name, shape in build.items()}
    if build is not None:
        engine.build(build)
    batch = batch_of(shop, replicas, "sparse")
    static = shop.inputs("sparse", shop.examples_of(0))
    if build is None:
        engine.enqueue(static, training=False, device="/CPU:0")
        engine.enqueue(static, training=False, device="/CPU:1")
        got = tf.function(lambda: replicas.run(engine.dequeue))()
    else:
        got = shop.look_up_step(replicas, engine)(batch)
    assert shapes(shop, replicas, got) == {
        name: [(2, length, shop.SHAPES[table][1])] * 2
        for name, table in shop.TABLE_OF.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_kept_positions_only(shop, oracle, replicas, kind):
    engine = shop.engine(replicas, tpu.SGD(0.1), length=shop.LENGTH)

    @tf.function
    def step(batch):
        engine.enqueue(batch)

        def run():
            activations = engine.dequeue()
            # Ones behind the end of a sequence too: they must not count.
            engine.apply_gradients(tf.nest.map_structure(tf.ones_like, activations))

        replicas.run(run)

    step(batch_of(shop, replicas, kind))
    for table, shape in shop.SHAPES.items():
        counts = np.zeros(shape[0])
        for feature, owner in shop.TABLE_OF.items():
            for row in shop.IDS[feature] if owner == table else []:
                np.add.at(counts, row[: shop.LENGTH], 1)
        expected = shop.initial(table) - 0.1 * counts[:, np.newaxis]
        got = shop.state(engine)[table]["parameters"]
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_lookup_after_training_sees_the_update(shop, oracle, replicas, kind):
    engine = shop.engine(replicas, tpu.Adagrad(0.1), length=shop.LENGTH)
    batch = batch_of(shop, replicas, kind)
    shop.training_step(replicas, engine)(batch)
    rule = oracle.Adagrad(0.1)
    trained = shop.expected_state(oracle, rule, kind, shop.LENGTH)
    shop.assert_close(shop.state(engine), trained)
    got = shop.gathered(replicas, shop.look_up_step(replicas, engine)(batch))
    expected = {
        name: lookup.activations(trained[shop.TABLE_OF[name]]["parameters"])
        for name, lookup in shop.lookups(oracle, kind, shop.LENGTH).items()
    }
    shop.assert_close(got, expected)


def test_one_id_an_example_is_a_sequence_still(shop, sgd):
    # TensorFlow's class takes a sparse [batch, 1] for a pooled feature in `build`.
    engine = shop.engine(None, sgd, length=3, batch_size=None)
    engine.build({name: tf.TensorShape([2, 1]) for name in shop.TABLE_OF})
    ids = tf.SparseTensor([[0, 0], [1, 0]], tf.constant([4, 1], tf.int64), [2, 1])
    engine.enqueue(dict.fromkeys(shop.TABLE_OF, ids), training=False)
    for name, value in engine.dequeue().items():
        table = shop.initial(shop.TABLE_OF[name])
        expected = np.zeros([2, 3, table.shape[1]])
        expected[:, 0] = table[[4, 1]]
        np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_positions_of_a_sparse_sequence_are_its_columns(shop, sgd):
    engine = shop.engine(None, sgd, length=3)
    ids = tf.SparseTensor(
        [[0, 1], [1, 0], [1, 2]], tf.constant([4, 1, 2], tf.int64), [2, 5]
    )
    engine.enqueue(dict.fromkeys(shop.TABLE_OF, ids), training=False)
    for name, value in engine.dequeue().items():
        table = shop.initial(shop.TABLE_OF[name])
        expected = np.zeros([2, 3, table.shape[1]])
        expected[0, 1], expected[1, 0], expected[1, 2] = table[[4, 1, 2]]
        np.testing.assert_allclose(value, expected, rtol=1e-6)
