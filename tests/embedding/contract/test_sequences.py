"""Sequences: an activation for each position, zeros behind, no pooling."""

import numpy as np
import pytest
import tensorflow as tf

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)

KINDS = ["sparse", "ragged"]


def batch_of(replica_batch, strategy, kind):
    return replica_batch.distributed(
        strategy, lambda examples: replica_batch.inputs(kind, examples)
    )


def shapes(replica_batch, replicas, activations):
    return {
        name: [tuple(part.shape) for part in replicas.experimental_local_results(value)]
        for name, value in activations.items()
    }


@pytest.mark.parametrize(("kind", "host_count"), [("sparse", 3), ("ragged", 1)])
def test_positions_keep_their_rows_and_zeros_fill_up(
    replica_batch, oracle, replicas, sgd, kind, host_count
):
    engine = replica_batch.engine(replicas, sgd, host_count, replica_batch.LENGTH)
    look_up = replica_batch.look_up_step(replicas, engine)
    got = replica_batch.gathered(
        replicas, look_up(batch_of(replica_batch, replicas, kind))
    )
    expected = replica_batch.expected_activations(oracle, kind, replica_batch.LENGTH)
    replica_batch.assert_close(got, expected, 1e-6)


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
def test_every_form_of_build_gives_batch_length_dim(
    replica_batch, replicas, sgd, build
):
    length = 4
    engine = replica_batch.engine(replicas, sgd, length=length, batch_size=None)
    if isinstance(build, dict):
        build = {name: tf.TensorShape(shape) for name, shape in build.items()}
    if build is not None:
        engine.build(build)
    batch = batch_of(replica_batch, replicas, "sparse")
    static = replica_batch.inputs("sparse", replica_batch.examples_of(0))
    if build is None:
        engine.enqueue(static, training=False, device="/CPU:0")
        engine.enqueue(static, training=False, device="/CPU:1")
        got = tf.function(lambda: replicas.run(engine.dequeue))()
    else:
        got = replica_batch.look_up_step(replicas, engine)(batch)
    assert shapes(replica_batch, replicas, got) == {
        name: [(2, length, replica_batch.SHAPES[table][1])] * 2
        for name, table in replica_batch.TABLE_OF.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_kept_positions_only(
    cases, replica_batch, oracle, replicas, kind
):
    engine = replica_batch.engine(replicas, tpu.SGD(0.1), length=replica_batch.LENGTH)

    @tf.function
    def step(batch):
        engine.enqueue(batch)

        def run():
            activations = engine.dequeue()
            # Ones behind the end of a sequence too: they must not count.
            engine.apply_gradients(tf.nest.map_structure(tf.ones_like, activations))

        replicas.run(run)

    step(batch_of(replica_batch, replicas, kind))
    for table, shape in replica_batch.SHAPES.items():
        counts = np.zeros(shape[0])
        for feature, owner in replica_batch.TABLE_OF.items():
            for row in replica_batch.IDS[feature] if owner == table else []:
                np.add.at(counts, row[: replica_batch.LENGTH], 1)
        expected = replica_batch.initial(table) - 0.1 * counts[:, np.newaxis]
        got = cases.state(engine)[table]["parameters"]
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_lookup_after_training_sees_the_update(
    cases, replica_batch, oracle, replicas, kind
):
    engine = replica_batch.engine(
        replicas, tpu.Adagrad(0.1), length=replica_batch.LENGTH
    )
    batch = batch_of(replica_batch, replicas, kind)
    replica_batch.training_step(replicas, engine)(batch)
    rule = oracle.Adagrad(0.1)
    trained = replica_batch.expected_state(oracle, rule, kind, replica_batch.LENGTH)
    replica_batch.assert_close(cases.state(engine), trained)
    got = replica_batch.gathered(
        replicas, replica_batch.look_up_step(replicas, engine)(batch)
    )
    expected = {
        name: lookup.activations(trained[replica_batch.TABLE_OF[name]]["parameters"])
        for name, lookup in replica_batch.lookups(
            oracle, kind, replica_batch.LENGTH
        ).items()
    }
    replica_batch.assert_close(got, expected)


def test_one_id_an_example_is_a_sequence_still(replica_batch, sgd):
    # TensorFlow's class takes a sparse [batch, 1] for a pooled feature in `build`.
    engine = replica_batch.engine(None, sgd, length=3, batch_size=None)
    engine.build({name: tf.TensorShape([2, 1]) for name in replica_batch.TABLE_OF})
    ids = tf.SparseTensor([[0, 0], [1, 0]], tf.constant([4, 1], tf.int64), [2, 1])
    engine.enqueue(dict.fromkeys(replica_batch.TABLE_OF, ids), training=False)
    for name, value in engine.dequeue().items():
        table = replica_batch.initial(replica_batch.TABLE_OF[name])
        expected = np.zeros([2, 3, table.shape[1]])
        expected[:, 0] = table[[4, 1]]
        np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_positions_of_a_sparse_sequence_are_its_columns(replica_batch, sgd):
    engine = replica_batch.engine(None, sgd, length=3)
    ids = tf.SparseTensor(
        [[0, 1], [1, 0], [1, 2]], tf.constant([4, 1, 2], tf.int64), [2, 5]
    )
    engine.enqueue(dict.fromkeys(replica_batch.TABLE_OF, ids), training=False)
    for name, value in engine.dequeue().items():
        table = replica_batch.initial(replica_batch.TABLE_OF[name])
        expected = np.zeros([2, 3, table.shape[1]])
        expected[0, 1], expected[1, 0], expected[1, 2] = table[[4, 1, 2]]
        np.testing.assert_allclose(value, expected, rtol=1e-6)
