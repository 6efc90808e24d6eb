"""What may come in: kinds side by side, weights, missing gradients."""

import numpy as np
import pytest
import tensorflow as tf

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)

# Kinds of bought, groups and seen.
MIXES = [
    ("sparse", "ragged", "sparse"),
    ("ragged", "sparse", "ragged"),
    ("dense", "sparse", "ragged"),
]


def look_up(engine, ids, weights=None):
    engine.enqueue(ids, weights, training=False)
    return engine.dequeue()


@pytest.mark.parametrize("mix", MIXES, ids="-".join)
def test_kinds_stand_side_by_side_in_one_batch(
    replica_batch, oracle, replicas, sgd, mix
):
    engine = replica_batch.engine(replicas, sgd)
    kinds = dict(zip(replica_batch.TABLE_OF, mix, strict=True))
    batch = replica_batch.distributed(
        replicas,
        lambda examples: {
            name: replica_batch.inputs(kind, examples)[name]
            for name, kind in kinds.items()
        },
    )
    got = replica_batch.gathered(
        replicas, replica_batch.look_up_step(replicas, engine)(batch)
    )
    expected = {
        name: replica_batch.expected_activations(oracle, kind)[name]
        for name, kind in kinds.items()
    }
    replica_batch.assert_close(got, expected, 1e-6)


def test_kind_may_change_from_batch_to_batch(replica_batch, oracle, sgd):
    engine = replica_batch.engine(None, sgd, batch_size=replica_batch.GLOBAL_BATCH)
    for kind in (*replica_batch.KINDS, *replica_batch.KINDS):
        got = look_up(engine, replica_batch.inputs(kind))
        replica_batch.assert_close(
            got, replica_batch.expected_activations(oracle, kind), 1e-6
        )


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_equal_weights_scale_a_sum_and_leave_a_mean(
    replica_batch, oracle, replicas, sgd, kind
):
    engine = replica_batch.engine(replicas, sgd)

    def weighted(examples):
        ids = replica_batch.inputs(kind, examples)
        halves = {
            name: value.with_values(tf.fill(tf.shape(value.values), 0.5))
            for name, value in ids.items()
        }
        return ids, halves | {"bought": None}

    @tf.function
    def step(ids, weights):
        engine.enqueue(ids, weights, training=False)
        return replicas.run(engine.dequeue)

    batch = replica_batch.distributed(replicas, lambda examples: weighted(examples)[0])
    halves = replica_batch.distributed(replicas, lambda examples: weighted(examples)[1])
    got = replica_batch.gathered(replicas, step(batch, halves))
    expected = replica_batch.expected_activations(oracle, kind)
    expected["seen"] = expected["seen"] / 2
    replica_batch.assert_close(got, expected, 1e-6)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float64])
def test_weights_of_other_float_types_are_taken(replica_batch, oracle, sgd, dtype):
    engine = replica_batch.engine(None, sgd, batch_size=replica_batch.GLOBAL_BATCH)
    ids = replica_batch.inputs("sparse")
    twos = {
        name: value.with_values(tf.cast(tf.fill(tf.shape(value.values), 2.0), dtype))
        for name, value in ids.items()
    }
    expected = replica_batch.expected_activations(oracle)
    for name in ("bought", "seen"):
        expected[name] = expected[name] * 2
    replica_batch.assert_close(look_up(engine, ids, twos), expected, 1e-6)


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_examples_without_ids_at_the_end_count(replica_batch, sgd, kind):
    engine = replica_batch.engine(None, sgd, batch_size=None)
    rows = [[1, 2], [], []]
    ids = dict.fromkeys(replica_batch.TABLE_OF, replica_batch.tensor(kind, rows))
    for name, value in look_up(engine, ids).items():
        assert value.shape[0] == 3
        np.testing.assert_array_equal(value[1:], np.zeros_like(value[1:]))
        assert np.all(value[0] != 0), name


def test_gradient_of_none_moves_no_row_of_sgd_but_ages_the_momenta_of_adam(
    cases, replica_batch
):
    for optimizer, moves in ((tpu.SGD(0.5), False), (tpu.Adam(0.5), True)):
        engine = replica_batch.engine(
            None, optimizer, batch_size=replica_batch.GLOBAL_BATCH
        )
        replica_batch.training_step(tf.distribute.get_strategy(), engine)(
            replica_batch.inputs("sparse")
        )
        before = cases.state(engine)
        engine.enqueue(replica_batch.inputs("sparse"))
        engine.dequeue()
        engine.apply_gradients(dict.fromkeys(replica_batch.TABLE_OF))
        changed = {
            name: np.any(
                variables["parameters"] != before[name]["parameters"], axis=1
            ).nonzero()[0]
            for name, variables in cases.state(engine).items()
        }
        # All rows of "items" and "groups" that some example looks up.
        touched = {"items": [0, 1, 2, 3, 4, 5], "groups": [0, 1, 2, 4, 7, 8]}
        expected = touched if moves else {"items": [], "groups": []}
        assert {name: rows.tolist() for name, rows in changed.items()} == expected


def test_gradient_of_none_is_warned_of_once_a_feature(replica_batch, sgd, caplog):
    engine = replica_batch.engine(None, sgd, batch_size=replica_batch.GLOBAL_BATCH)
    for _ in range(3):
        engine.enqueue(replica_batch.inputs("dense"))
        activations = engine.dequeue()
        engine.apply_gradients(activations | {"seen": None, "bought": None})
    warned = [
        record.getMessage()
        for record in caplog.records
        if "No gradient passed for feature" in record.getMessage()
    ]
    assert len(warned) == 2
    assert [name in "".join(warned) for name in ("bought", "seen")] == [True, True]


@pytest.mark.parametrize("optimizer", [tpu.SGD(0.5), tpu.Adagrad(0.5)])
def test_gradients_may_be_variables(cases, replica_batch, optimizer):
    engine = replica_batch.engine(
        None, optimizer, batch_size=replica_batch.GLOBAL_BATCH
    )
    other = replica_batch.engine(None, optimizer, batch_size=replica_batch.GLOBAL_BATCH)
    for each, wrap in ((engine, tf.Variable), (other, tf.identity)):
        each.enqueue(replica_batch.inputs("dense"))
        activations = each.dequeue()
        each.apply_gradients(tf.nest.map_structure(wrap, activations))
    replica_batch.assert_close(cases.state(engine), cases.state(other), 0)
