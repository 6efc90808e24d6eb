"""What may come in: kinds side by side, weights, missing gradients, any structure."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)

Pair = collections.namedtuple("Pair", ["left", "right"])

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
def test_kinds_stand_side_by_side_in_one_batch(shop, oracle, replicas, sgd, mix):
    engine = shop.engine(replicas, sgd)
    kinds = dict(zip(shop.TABLE_OF, mix, strict=True))
    batch = shop.distributed(
        replicas,
        lambda examples: {
            name: shop.inputs(kind, examples)[name] for name, kind in kinds.items()
        },
    )
    got = shop.gathered(replicas, shop.look_up_step(replicas, engine)(batch))
    expected = {
        name: shop.expected_activations(oracle, kind)[name]
        for name, kind in kinds.items()
    }
    shop.assert_close(got, expected, 1e-6)


def test_kind_may_change_from_batch_to_batch(shop, oracle, sgd):
    engine = shop.engine(None, sgd, batch_size=shop.GLOBAL_BATCH)
    for kind in (*shop.KINDS, *shop.KINDS):
        got = look_up(engine, shop.inputs(kind))
        shop.assert_close(got, shop.expected_activations(oracle, kind), 1e-6)


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_equal_weights_scale_a_sum_and_leave_a_mean(shop, oracle, replicas, sgd, kind):
    engine = shop.engine(replicas, sgd)

    def weighted(examples):
        ids = shop.inputs(kind, examples)
        halves = {
            name: value.with_values(tf.fill(tf.shape(value.values), 0.5))
            for name, value in ids.items()
        }
        return ids, halves | {"bought": None}

    @tf.function
    def step(ids, weights):
        engine.enqueue(ids, weights, training=False)
        return replicas.run(engine.dequeue)

    batch = shop.distributed(replicas, lambda examples: weighted(examples)[0])
    halves = shop.distributed(replicas, lambda examples: weighted(examples)[1])
    got = shop.gathered(replicas, step(batch, halves))
    expected = shop.expected_activations(oracle, kind)
    expected["seen"] = expected["seen"] / 2
    shop.assert_close(got, expected, 1e-6)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float64])
def test_weights_of_other_float_types_are_taken(shop, oracle, sgd, dtype):
    engine = shop.engine(None, sgd, batch_size=shop.GLOBAL_BATCH)
    ids = shop.inputs("sparse")
    twos = {
        name: value.with_values(tf.cast(tf.fill(tf.shape(value.values), 2.0), dtype))
        for name, value in ids.items()
    }
    expected = shop.expected_activations(oracle)
    for name in ("bought", "seen"):
        expected[name] = expected[name] * 2
    shop.assert_close(look_up(engine, ids, twos), expected, 1e-6)


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_examples_without_ids_at_the_end_count(shop, sgd, kind):
    engine = shop.engine(None, sgd, batch_size=None)
    rows = [[1, 2], [], []]
    ids = dict.fromkeys(shop.TABLE_OF, shop.tensor(kind, rows))
    for name, value in look_up(engine, ids).items():
        assert value.shape[0] == 3
        np.testing.assert_array_equal(value[1:], np.zeros_like(value[1:]))
        assert np.all(value[0] != 0), name


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_batch_without_any_id_trains_nothing(shop, sgd, kind):
    engine = shop.engine(None, sgd)
    before = shop.state(engine)
    empty = dict.fromkeys(shop.TABLE_OF, shop.tensor(kind, [[], []]))
    engine.enqueue(empty)
    activations = engine.dequeue()
    assert not any(np.any(value) for value in activations.values())
    engine.apply_gradients(tf.nest.map_structure(tf.ones_like, activations))
    shop.assert_close(shop.state(engine), before, 0)


def test_gradient_of_none_moves_no_row_of_sgd_but_ages_the_momenta_of_adam(shop):
    for optimizer, moves in ((tpu.SGD(0.5), False), (tpu.Adam(0.5), True)):
        engine = shop.engine(None, optimizer, batch_size=shop.GLOBAL_BATCH)
        shop.training_step(tf.distribute.get_strategy(), engine)(shop.inputs("sparse"))
        before = shop.state(engine)
        engine.enqueue(shop.inputs("sparse"))
        engine.dequeue()
        engine.apply_gradients(dict.fromkeys(shop.TABLE_OF))
        changed = {
            name: np.any(
                variables["parameters"] != before[name]["parameters"], axis=1
            ).nonzero()[0]
            for name, variables in shop.state(engine).items()
        }
        # All rows of "items" and "groups" that some example looks up.
        touched = {"items": [0, 1, 2, 3, 4, 5], "groups": [0, 1, 2, 4, 7, 8]}
        expected = touched if moves else {"items": [], "groups": []}
        assert {name: rows.tolist() for name, rows in changed.items()} == expected


def test_gradient_of_none_is_warned_of_once_a_feature(shop, sgd, caplog):
    engine = shop.engine(None, sgd, batch_size=shop.GLOBAL_BATCH)
    for _ in range(3):
        engine.enqueue(shop.inputs("dense"))
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
def test_gradients_may_be_variables(shop, optimizer):
    engine = shop.engine(None, optimizer, batch_size=shop.GLOBAL_BATCH)
    other = shop.engine(None, optimizer, batch_size=shop.GLOBAL_BATCH)
    for each, wrap in ((engine, tf.Variable), (other, tf.identity)):
        each.enqueue(shop.inputs("dense"))
        activations = each.dequeue()
        each.apply_gradients(tf.nest.map_structure(wrap, activations))
    shop.assert_close(shop.state(engine), shop.state(other), 0)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda features: list(features.values()),
        lambda features: tuple(features.values()),
        lambda features: Pair(features["bought"], [features["groups"]]),
        lambda features: {"a": {"b": [features["seen"]]}, "c": features["bought"]},
        lambda features: features["groups"],
        collections.OrderedDict,
    ],
    ids=["list", "tuple", "namedtuple", "nested", "single", "ordered"],
)
def test_activations_have_the_structure_of_the_features(shop, oracle, sgd, wrap):
    engine = TPUEmbedding(wrap(shop.feature_config()), sgd)
    got = look_up(engine, wrap(shop.inputs("dense")))
    expected = wrap(shop.expected_activations(oracle, "dense"))
    tf.nest.assert_same_structure(got, expected)
    for value, reference in zip(
        tf.nest.flatten(got), tf.nest.flatten(expected), strict=True
    ):
        np.testing.assert_allclose(value, reference, rtol=1e-6)


@pytest.mark.parametrize("kind", ["dense", "sparse", "ragged"])
@pytest.mark.parametrize("row", [2**31 + 5, 2**32 + 1, -1])
def test_ids_beyond_32_bits_are_never_cast(shop, sgd, kind, row):
    config = shop.feature_config()["seen"]
    engine = TPUEmbedding(config, sgd, policies="drop")
    got = look_up(engine, shop.tensor(kind, [[row], [1]]))
    np.testing.assert_array_equal(got[0], [0, 0])
    np.testing.assert_allclose(got[1], shop.initial("items")[1])


def test_numpy_ids_are_taken(shop, oracle, sgd):
    engine = shop.engine(None, sgd, batch_size=shop.GLOBAL_BATCH)
    got = look_up(
        engine, {name: value.numpy() for name, value in shop.inputs("dense").items()}
    )
    shop.assert_close(got, shop.expected_activations(oracle, "dense"), 1e-6)
