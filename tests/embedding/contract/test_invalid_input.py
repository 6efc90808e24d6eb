"""Refused calls: they name the feature, and leave the engine as it was."""

import pytest
import tensorflow as tf

from embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)

KINDS = ["dense", "sparse", "ragged"]


def other(kind):
    return "ragged" if kind == "sparse" else "sparse"


def as_weights(ids):
    return tf.nest.map_structure(
        lambda value: tf.cast(value, tf.float32), ids, expand_composites=False
    )


def bad_calls(shop):
    """Returns by name what is wrong with a batch: (ids, weights)."""
    good = shop.inputs("sparse")
    ragged = shop.inputs("ragged")
    return {
        "structure": ({"seen": good["seen"]}, None),
        "nest type": (list(good.values()), None),
        "weights' structure": (good, {"seen": None}),
        "weights' kind": (good, as_weights(ragged)),
        "weights' type": (good, good),
        "weights of dense ids": (shop.inputs("dense"), as_weights(good)),
        "float ids": (as_weights(good), None),
        "string ids": (good | {"seen": tf.constant(["a"] * 4)}, None),
        "no tensor": (good | {"seen": [[1], [2], [3], [4]]}, None),
        "rank 0": (good | {"seen": tf.constant(1)}, None),
        "dense of several columns": (good | {"seen": tf.zeros([4, 2], tf.int64)}, None),
        "ragged rank 3": (
            good | {"seen": tf.ragged.constant([[[1]]] * 4, tf.int64)},
            None,
        ),
        "batch size": (good | {"seen": tf.constant([1, 2, 3])}, None),
    }


FAULTS = [
    "structure",
    "nest type",
    "weights' structure",
    "weights' kind",
    "weights' type",
    "weights of dense ids",
    "float ids",
    "string ids",
    "no tensor",
    "rank 0",
    "dense of several columns",
    "ragged rank 3",
    "batch size",
]


def test_all_faults_are_listed(shop):
    assert list(bad_calls(shop)) == FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_refused_batch_leaves_the_queue_as_it_was(shop, oracle, sgd, fault, compiled):
    engine = shop.engine(None, sgd, batch_size=shop.GLOBAL_BATCH)
    ids, weights = bad_calls(shop)[fault]

    def enqueue():
        engine.enqueue(ids, weights)

    with pytest.raises((ValueError, TypeError)):
        (tf.function(enqueue) if compiled else enqueue)()
    engine.enqueue(shop.inputs("sparse"), training=False)
    shop.assert_close(engine.dequeue(), shop.expected_activations(oracle), 1e-6)


# Features may have sizes of their own, as long as these stay.
@pytest.mark.parametrize("fault", [each for each in FAULTS if each != "batch size"])
def test_refused_first_batch_does_not_fix_the_shapes(shop, sgd, fault):
    engine = shop.engine(None, sgd, batch_size=None)
    ids, weights = bad_calls(shop)[fault]
    with pytest.raises((ValueError, TypeError)):
        engine.enqueue(ids, weights)
    engine.enqueue(shop.inputs("ragged", slice(3)), training=False)
    assert engine.dequeue()["seen"].shape == [3, 2]


@pytest.mark.parametrize("fault", ["structure", "float ids", "weights' kind"])
def test_refused_batch_of_replicas_leaves_the_queue_as_it_was(
    shop, oracle, replicas, sgd, fault
):
    engine = shop.engine(replicas, sgd)
    look_up = shop.look_up_step(replicas, engine)

    @tf.function
    def bad_step():
        ids, weights = bad_calls(shop)[fault]
        engine.enqueue(ids, weights)
        return replicas.run(engine.dequeue)

    with pytest.raises((ValueError, TypeError)):
        bad_step()
    batch = shop.distributed(replicas, lambda examples: shop.inputs("sparse", examples))
    got = shop.gathered(replicas, look_up(batch))
    shop.assert_close(got, shop.expected_activations(oracle), 1e-6)


def test_refused_gradients_leave_the_batch_awaiting_its_own(shop, oracle):
    engine = shop.engine(None, tpu.Adagrad(0.1), batch_size=shop.GLOBAL_BATCH)
    engine.enqueue(shop.inputs("sparse"))
    activations = engine.dequeue()
    bad = [
        {"seen": activations["seen"]},
        list(activations.values()),
        activations | {"seen": 1.0},
        activations | {"seen": activations["seen"].numpy()},
        activations | {"seen": activations["groups"]},
        activations | {"seen": tf.cast(activations["seen"], tf.float64)},
    ]
    for gradients in bad:
        with pytest.raises((ValueError, TypeError)):
            engine.apply_gradients(gradients)
    engine.apply_gradients(activations)
    rule = oracle.Adagrad(0.1)
    shop.assert_close(shop.state(engine), shop.expected_state(oracle, rule))


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_weights_of_the_other_kind_are_named_with_both_types(shop, sgd, kind):
    engine = shop.engine(None, sgd)
    ids = shop.inputs(kind, slice(2))
    weights = dict.fromkeys(shop.TABLE_OF) | {
        "seen": as_weights(shop.inputs(other(kind), slice(2)))["seen"]
    }
    mine, theirs = (
        {"sparse": "SparseTensor", "ragged": "RaggedTensor"}[each]
        for each in (kind, other(kind))
    )
    with pytest.raises(
        ValueError,
        match=rf"Weight for .*seen.*{theirs}.*does not match type.*which is {mine}",
    ):
        engine.enqueue(ids, weights)


def test_feature_is_named_by_its_path_in_the_structure(shop, sgd):
    config = shop.feature_config()
    nested = {"user": [config["groups"], {"clicks": config["seen"]}]}
    engine = TPUEmbedding(nested, sgd)
    good = tf.constant([1, 2])
    with pytest.raises(ValueError, match="user/1/clicks"):
        engine.enqueue({"user": [good, {"clicks": tf.constant([0.5, 1.0])}]})
    engine.enqueue({"user": [good, {"clicks": good}]})
    gradients = engine.dequeue()
    gradients["user"][1]["clicks"] = tf.ones([3, 3])
    with pytest.raises(ValueError, match="user/1/clicks"):
        engine.apply_gradients(gradients)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_id_of_one_replica_fails_the_step_and_nothing_else(
    shop, oracle, replicas, sgd, kind
):
    engine = shop.engine(replicas, sgd)
    look_up = shop.look_up_step(replicas, engine)
    before = shop.state(engine)

    def bad(examples):
        ids = shop.inputs(kind, examples)
        if examples.start:
            ids["seen"] = shop.tensor(kind, [[6], [0]])
        return ids

    with pytest.raises(tf.errors.InvalidArgumentError, match=r"ids of table .*items"):
        look_up(shop.distributed(replicas, bad))
    batch = shop.distributed(replicas, lambda examples: shop.inputs(kind, examples))
    got = shop.gathered(replicas, look_up(batch))
    shop.assert_close(got, shop.expected_activations(oracle, kind), 1e-6)
    shop.assert_close(shop.state(engine), before, 0)


def test_nan_gradient_of_one_replica_updates_no_table(shop, replicas):
    engine = shop.engine(replicas, tpu.Adagrad(0.1))
    before = shop.state(engine)

    @tf.function
    def step(batch):
        engine.enqueue(batch)

        def run():
            activations = engine.dequeue()
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            bad = tf.where(tf.equal(replica, 1), float("nan"), 1.0)
            engine.apply_gradients(activations | {"seen": bad * activations["seen"]})

        replicas.run(run)

    batch = shop.distributed(replicas, lambda examples: shop.inputs("sparse", examples))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"items.*NaN or infinite"):
        step(batch)
    shop.assert_close(shop.state(engine), before, 0)


def test_tables_of_one_name_are_refused(shop, replicas, sgd):
    tables = [tpu.TableConfig(4, 2, name="twice") for _ in range(2)]
    features = [tpu.FeatureConfig(table) for table in tables]
    with (
        replicas.scope(),
        pytest.raises(ValueError, match="Multiple tables with name twice found"),
    ):
        TPUEmbedding(features, sgd)


def test_sizes_of_several_replicas_do_not_add_up(shop, replicas, sgd):
    # build takes the size of one replica's batch, not of all together.
    engine = shop.engine(replicas, sgd, batch_size=shop.GLOBAL_BATCH)
    batch = shop.distributed(replicas, lambda examples: shop.inputs("dense", examples))
    expected = "Inconsistent shape|built for batches of"
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=expected):
        shop.look_up_step(replicas, engine)(batch)
