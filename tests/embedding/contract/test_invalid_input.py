"""Refused calls: they name the feature, and leave the engine as it was."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)

KINDS = ["dense", "sparse", "ragged"]


def other(kind):
    return "ragged" if kind == "sparse" else "sparse"


def as_weights(ids):
    return tf.nest.map_structure(
        lambda value: tf.cast(value, tf.float32), ids, expand_composites=False
    )


class Fault(NamedTuple):
    """What is wrong with a batch.

    Attributes:
        make: returns (ids, weights) from the `replica_batch`.
        error: class of the error.
        message: a pattern of its message.
    """

    make: Callable[[ModuleType], tuple[Any, Any]]
    error: type[Exception]
    message: str


def seen(make):
    """Returns a maker of sparse ids, with those that `make` returns for "seen"."""
    return lambda batch: (batch.inputs("sparse") | {"seen": make()}, None)


STRUCTURE = "don't have the same nested structure"
FAULTS = {
    "structure": Fault(
        lambda batch: ({"seen": batch.inputs("sparse")["seen"]}, None),
        ValueError,
        STRUCTURE,
    ),
    "nest type": Fault(
        lambda batch: (list(batch.inputs("sparse").values()), None),
        TypeError,
        STRUCTURE,
    ),
    "weights' structure": Fault(
        lambda batch: (batch.inputs("sparse"), {"seen": None}), ValueError, STRUCTURE
    ),
    "weights' kind": Fault(
        lambda batch: (batch.inputs("sparse"), as_weights(batch.inputs("ragged"))),
        ValueError,
        "'bought' is type RaggedTensor which does not match .* is SparseTensor",
    ),
    "weights' type": Fault(
        lambda batch: (batch.inputs("sparse"), batch.inputs("sparse")),
        ValueError,
        "Weight for 'bought' is int64; weights must be floats",
    ),
    "weights of dense ids": Fault(
        lambda batch: (batch.inputs("dense"), as_weights(batch.inputs("sparse"))),
        ValueError,
        "Weight specified for dense input 'bought'",
    ),
    "float ids": Fault(
        lambda batch: (as_weights(batch.inputs("sparse")), None),
        ValueError,
        "'bought': ids must be int32 or int64, got float32",
    ),
    "string ids": Fault(
        seen(lambda: tf.constant(["a"] * 4)),
        ValueError,
        "'seen': ids must be int32 or int64, got string",
    ),
    "no tensor": Fault(
        seen(lambda: "1234"), ValueError, "'seen' is of unknown type <class 'str'>"
    ),
    "list": Fault(seen(lambda: [[1], [2], [3], [4]]), ValueError, STRUCTURE),
    "rank 0": Fault(
        seen(lambda: tf.constant(1)), ValueError, r"shape \(\) for feature 'seen'. Rank"
    ),
    "dense of several columns": Fault(
        seen(lambda: tf.zeros([4, 2], tf.int64)),
        ValueError,
        r"last dimension as 1; input 'seen' has shape \(4, 2\)",
    ),
    "ragged rank 3": Fault(
        seen(lambda: tf.ragged.constant([[[1]]] * 4, tf.int64)),
        ValueError,
        "Only rank 2 ragged tensor is supported; input 'seen' has rank 3",
    ),
}
# Features may have sizes of their own, as long as these stay.
SIZE = Fault(
    seen(lambda: tf.constant([1, 2, 3])),
    ValueError,
    r"Inconsistent shape .* feature seen, .* set to be \(4,\).* shape \(3,\)",
)


def faults(found):
    return pytest.mark.parametrize("fault", found.values(), ids=found.keys())


@faults(FAULTS | {"batch size": SIZE})
def test_refused_batch_leaves_the_queue_as_it_was(
    replica_batch, oracle, sgd, fault, compiled
):
    engine = replica_batch.engine(None, sgd, batch_size=replica_batch.GLOBAL_BATCH)
    ids, weights = fault.make(replica_batch)

    def enqueue():
        engine.enqueue(ids, weights)

    with pytest.raises(fault.error, match=fault.message):
        (tf.function(enqueue) if compiled else enqueue)()
    engine.enqueue(replica_batch.inputs("sparse"), training=False)
    replica_batch.assert_close(
        engine.dequeue(), replica_batch.expected_activations(oracle), 1e-6
    )


@faults(FAULTS)
def test_refused_first_batch_does_not_fix_the_shapes(replica_batch, sgd, fault):
    engine = replica_batch.engine(None, sgd, batch_size=None)
    ids, weights = fault.make(replica_batch)
    with pytest.raises(fault.error, match=fault.message):
        engine.enqueue(ids, weights)
    engine.enqueue(replica_batch.inputs("ragged", slice(3)), training=False)
    assert engine.dequeue()["seen"].shape == [3, 2]


@faults({name: FAULTS[name] for name in ("structure", "float ids", "weights' kind")})
def test_refused_batch_of_replicas_leaves_the_queue_as_it_was(
    replica_batch, oracle, replicas, sgd, fault
):
    engine = replica_batch.engine(replicas, sgd)
    look_up = replica_batch.look_up_step(replicas, engine)

    @tf.function
    def bad_step():
        ids, weights = fault.make(replica_batch)
        engine.enqueue(ids, weights)
        return replicas.run(engine.dequeue)

    with pytest.raises(fault.error, match=fault.message):
        bad_step()
    batch = replica_batch.distributed(
        replicas, lambda examples: replica_batch.inputs("sparse", examples)
    )
    got = replica_batch.gathered(replicas, look_up(batch))
    replica_batch.assert_close(got, replica_batch.expected_activations(oracle), 1e-6)


def test_refused_gradients_leave_the_batch_awaiting_its_own(
    cases, replica_batch, oracle
):
    engine = replica_batch.engine(
        None, tpu.Adagrad(0.1), batch_size=replica_batch.GLOBAL_BATCH
    )
    engine.enqueue(replica_batch.inputs("sparse"))
    activations = engine.dequeue()
    bad = [
        (STRUCTURE, {"seen": activations["seen"]}),
        (STRUCTURE, list(activations.values())),
        ("non-tensor type: .*float", activations | {"seen": 1.0}),
        ("non-tensor type", activations | {"seen": activations["seen"].numpy()}),
        (r"shape \(4, 3\) at path seen", activations | {"seen": activations["groups"]}),
        (
            "type float64 at path seen",
            activations | {"seen": tf.cast(activations["seen"], tf.float64)},
        ),
    ]
    for message, gradients in bad:
        with pytest.raises((ValueError, TypeError), match=message):
            engine.apply_gradients(gradients)
    engine.apply_gradients(activations)
    rule = oracle.Adagrad(0.1)
    replica_batch.assert_close(
        cases.state(engine), replica_batch.expected_state(oracle, rule)
    )


@pytest.mark.parametrize("kind", ["sparse", "ragged"])
def test_weights_of_the_other_kind_are_named_with_both_types(replica_batch, sgd, kind):
    engine = replica_batch.engine(None, sgd)
    ids = replica_batch.inputs(kind, slice(2))
    weights = dict.fromkeys(replica_batch.TABLE_OF) | {
        "seen": as_weights(replica_batch.inputs(other(kind), slice(2)))["seen"]
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


def test_feature_is_named_by_its_path_in_the_structure(replica_batch, sgd):
    config = replica_batch.feature_config()
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
    cases, replica_batch, oracle, replicas, sgd, kind
):
    engine = replica_batch.engine(replicas, sgd)
    look_up = replica_batch.look_up_step(replicas, engine)
    before = cases.state(engine)

    def bad(examples):
        ids = replica_batch.inputs(kind, examples)
        if examples.start:
            ids["seen"] = replica_batch.tensor(kind, [[6], [0]])
        return ids

    with pytest.raises(tf.errors.InvalidArgumentError, match=r"ids of table .*items"):
        look_up(replica_batch.distributed(replicas, bad))
    batch = replica_batch.distributed(
        replicas, lambda examples: replica_batch.inputs(kind, examples)
    )
    got = replica_batch.gathered(replicas, look_up(batch))
    replica_batch.assert_close(
        got, replica_batch.expected_activations(oracle, kind), 1e-6
    )
    replica_batch.assert_close(cases.state(engine), before, 0)


def test_nan_gradient_of_one_replica_updates_no_table(cases, replica_batch, replicas):
    engine = replica_batch.engine(replicas, tpu.Adagrad(0.1))
    before = cases.state(engine)

    @tf.function
    def step(batch):
        engine.enqueue(batch)

        def run():
            activations = engine.dequeue()
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            bad = tf.where(tf.equal(replica, 1), float("nan"), 1.0)
            engine.apply_gradients(activations | {"seen": bad * activations["seen"]})

        replicas.run(run)

    batch = replica_batch.distributed(
        replicas, lambda examples: replica_batch.inputs("sparse", examples)
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"items.*NaN or infinite"):
        step(batch)
    replica_batch.assert_close(cases.state(engine), before, 0)


def test_sizes_of_several_replicas_do_not_add_up(replica_batch, replicas, sgd):
    # build takes the size of one replica's batch, not of all together.
    engine = replica_batch.engine(replicas, sgd, batch_size=replica_batch.GLOBAL_BATCH)
    batch = replica_batch.distributed(
        replicas, lambda examples: replica_batch.inputs("dense", examples)
    )
    expected = "Inconsistent shape|built for batches of"
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=expected):
        replica_batch.look_up_step(replicas, engine)(batch)
