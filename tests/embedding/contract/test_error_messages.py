"""Every public error of the engine: its class, and the words users search for."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import pytest
import tensorflow as tf

from shardline.embedding import TPUEmbedding

tpu = tf.tpu.experimental.embedding

pytestmark = pytest.mark.timeout(120)


class Wrong(NamedTuple):
    """One wrong call.

    Attributes:
        error: class of the error.
        message: a pattern of its message.
        call: makes the error.
        id: what is wrong.
    """

    error: type | tuple[type, ...]
    message: str
    call: Callable[[], object]
    id: str


NO_BATCH_SIZE = r"Input Feature seen .*not fully defined"
STRUCTURE = "The two structures don't have the same nested structure"
INCONSISTENT = "Inconsistent shape founded for input feature seen"


def table(name="items", rows=6, **options):
    return tpu.TableConfig(rows, 2, name=name, **options)


def one(optimizer="default", **options):
    """Returns an engine of one feature, "seen"."""
    feature = tpu.FeatureConfig(table(), **options)
    if optimizer == "default":
        optimizer = tpu.SGD(0.5)
    return TPUEmbedding({"seen": feature}, optimizer)


def built(**options):
    engine = one(**options)
    engine.build(2)
    return engine


def enqueue(ids, weights=None, engine=None, **options):
    weights = None if weights is None else {"seen": weights}
    (engine or one()).enqueue({"seen": ids}, weights, **options)


def traced(spec, **options):
    """Traces an enqueue of ids that are known by their type only."""
    tf.function(functools.partial(enqueue, **options)).get_concrete_function(spec)


def dense(*ids):
    return tf.constant(ids or (1, 2), tf.int64)


def sparse(dtype=tf.int64):
    return tf.SparseTensor([[0, 0], [1, 0]], tf.constant([1, 2], dtype), [2, 3])


def ragged(dtype=tf.int64):
    return tf.ragged.constant([[1], [2]], dtype)


def apply(gradients, engine=None):
    engine = engine or built()
    engine.enqueue({"seen": dense()})
    engine.dequeue()
    engine.apply_gradients(gradients)


CONSTRUCTOR = [
    Wrong(
        ValueError,
        "is an unsupported optimizer class.",
        lambda: one(optimizer="adagrad"),
        "optimizer of another kind",
    ),
    Wrong(
        ValueError,
        "is an unsupported optimizer class.",
        lambda: TPUEmbedding(tpu.FeatureConfig(table(optimizer="sgd"))),
        "table's optimizer of another kind",
    ),
    Wrong(
        ValueError,
        "Tables must have a unique name.*Multiple tables with name items found.",
        lambda: TPUEmbedding([tpu.FeatureConfig(table()) for _ in range(2)]),
        "two tables of one name",
    ),
    Wrong(
        ValueError,
        "feature_config holds no feature",
        lambda: TPUEmbedding({}),
        "no feature",
    ),
    Wrong(
        ValueError,
        r"feature_config\[b\] must be a FeatureConfig, got .*int",
        lambda: TPUEmbedding({"a": tpu.FeatureConfig(table()), "b": 3}),
        "no FeatureConfig",
    ),
    Wrong(
        ValueError,
        r"policies name the tables \['cars'\].*The tables are \['items'\]",
        lambda: TPUEmbedding(tpu.FeatureConfig(table()), policies={"cars": "drop"}),
        "policy of an unknown table",
    ),
    Wrong(
        ValueError,
        "Table 'items': policy must be one of .*got 'ignore'",
        lambda: TPUEmbedding(tpu.FeatureConfig(table()), policies="ignore"),
        "unknown policy",
    ),
]

BUILD = [
    Wrong(
        ValueError,
        INCONSISTENT,
        lambda: one(output_shape=[3]).build(2),
        "size against output_shape",
    ),
    Wrong(
        ValueError,
        NO_BATCH_SIZE,
        lambda: one().build({"seen": tf.TensorShape([None, 3])}),
        "shape without batch size",
    ),
    Wrong(
        ValueError,
        "Rank must be 1 and above",
        lambda: one().build({"seen": tf.TensorShape([])}),
        "scalar shape",
    ),
    Wrong(
        ValueError,
        "Rank must be 1 and above",
        lambda: one().build({"seen": tf.TensorShape(None)}),
        "shape of unknown rank",
    ),
    Wrong(
        ValueError,
        "build takes the batch size, an int of at least 1",
        lambda: one().build(0),
        "batch of nothing",
    ),
    Wrong(
        ValueError,
        r"build takes one shape for each of the features \['seen'\]; got 2",
        lambda: one().build([tf.TensorShape([2])] * 2),
        "shapes of other features",
    ),
]

ENQUEUE = [
    Wrong(
        ValueError,
        NO_BATCH_SIZE,
        lambda: traced(tf.TensorSpec([None], tf.int64)),
        "first batch of unknown size",
    ),
    Wrong(
        ValueError,
        "Received input tensor of shape <unknown>.*seen.*Rank must be 1 and above",
        lambda: traced(tf.TensorSpec(None, tf.int64)),
        "unknown rank",
    ),
    Wrong(
        ValueError,
        r"Received input tensor of shape \(\).*seen.*Rank must be 1 and above",
        lambda: enqueue(tf.constant(1)),
        "rank 0",
    ),
    Wrong(
        ValueError,
        INCONSISTENT,
        lambda: enqueue(dense(1, 2, 3), engine=built()),
        "another batch size",
    ),
    Wrong(
        ValueError,
        "Rank 2 or above dense tensor should have last dimension as 1.*seen",
        lambda: enqueue(tf.zeros([2, 3], tf.int64)),
        "dense ids of several columns",
    ),
    Wrong(
        ValueError,
        "Only rank 2 and above sparse tensor is supported.*seen",
        lambda: enqueue(tf.SparseTensor([[0]], dense(1), [2])),
        "sparse ids of rank 1",
    ),
    Wrong(
        ValueError,
        "Only rank 2 ragged tensor is supported.*seen",
        lambda: enqueue(tf.ragged.constant([[[1]], [[2]]], tf.int64)),
        "ragged ids of rank 3",
    ),
    Wrong(
        ValueError,
        "Weight specified for dense input '?seen",
        lambda: enqueue(dense(), tf.ones([2])),
        "weights of dense ids",
    ),
    Wrong(
        ValueError,
        "Weight for '?seen'? is type .*which does not match type input which is "
        "SparseTensor.",
        lambda: enqueue(sparse(), ragged(tf.float32)),
        "ragged weights of sparse ids",
    ),
    Wrong(
        ValueError,
        "Weight for '?seen'? is type .*which does not match type input which is "
        "RaggedTensor.",
        lambda: enqueue(ragged(), sparse(tf.float32)),
        "sparse weights of ragged ids",
    ),
    Wrong(
        ValueError,
        "Weight for '?seen'? is type .*which does not match type input which is "
        "SparseTensor.",
        lambda: enqueue(sparse(), tf.ones([2])),
        "dense weights of sparse ids",
    ),
    Wrong(
        ValueError,
        "Weight for '?seen'? is int64; weights must be floats",
        lambda: enqueue(sparse(), sparse()),
        "weights that are integers",
    ),
    Wrong(
        ValueError,
        "'?seen'?, but this is a sequence feature.",
        lambda: enqueue(
            sparse(), sparse(tf.float32), engine=one(max_sequence_length=2)
        ),
        "weights of a sequence",
    ),
    Wrong(
        ValueError,
        "'?seen'? is a sequence feature but a dense tensor was passed.",
        lambda: enqueue(dense(), engine=one(max_sequence_length=2)),
        "dense ids of a sequence",
    ),
    Wrong(
        ValueError,
        "Input '?seen'? is of unknown type .*Tensor, SparseTensor or RaggedTensor",
        lambda: enqueue("ids"),
        "no tensor",
    ),
    Wrong(
        ValueError,
        "'seen': ids must be int32 or int64, got float32",
        lambda: enqueue(tf.ones([2])),
        "float ids",
    ),
    Wrong(
        (ValueError, TypeError),
        STRUCTURE,
        lambda: one().enqueue({"bought": dense()}),
        "another feature",
    ),
    Wrong(
        TypeError,
        STRUCTURE,
        lambda: one().enqueue([dense()]),
        "another nest",
    ),
    Wrong(
        (ValueError, TypeError),
        STRUCTURE,
        lambda: one().enqueue({"seen": sparse()}, [sparse(tf.float32)]),
        "weights of another nest",
    ),
    Wrong(
        ValueError,
        "Non-TPU device /CPU:1 passed to enqueue",
        lambda: enqueue(dense(), engine=built(), device="/CPU:1"),
        "device without replicas",
    ),
    Wrong(
        RuntimeError,
        "or a tensor, needs an optimizer for every table; items have none",
        lambda: enqueue(dense(), engine=one(optimizer=None)),
        "training without optimizer",
    ),
]

GRADIENTS = [
    Wrong(
        RuntimeError,
        "dequeue called on unbuilt TPUEmbedding object",
        lambda: one().dequeue(),
        "dequeue of an unbuilt engine",
    ),
    Wrong(
        RuntimeError,
        "apply_gradients called on unbuilt TPUEmbedding object",
        lambda: one().apply_gradients({"seen": None}),
        "gradients for an unbuilt engine",
    ),
    Wrong(
        ValueError,
        "found non-tensor type: .*float.* at path seen",
        lambda: apply({"seen": 1.0}),
        "gradient that is no tensor",
    ),
    Wrong(
        ValueError,
        r"Found gradient of shape \(2, 3\) at path seen. Expected shape .*2, 2",
        lambda: apply({"seen": tf.ones([2, 3])}),
        "gradient of another shape",
    ),
    Wrong(
        ValueError,
        "Found gradient of type float64 at path seen. Expected float32",
        lambda: apply({"seen": tf.ones([2, 2], tf.float64)}),
        "gradient of another type",
    ),
    Wrong(
        TypeError,
        STRUCTURE,
        lambda: apply([tf.ones([2, 2])]),
        "gradients of another nest",
    ),
    Wrong(
        RuntimeError,
        "apply_gradients needs an optimizer for every table; items",
        lambda: built(optimizer=None).apply_gradients({"seen": None}),
        "gradients without optimizer",
    ),
    Wrong(
        tf.errors.InvalidArgumentError,
        "no training batch awaits gradients",
        lambda: built().apply_gradients({"seen": None}),
        "gradients without a batch",
    ),
]


def check(wrong):
    with pytest.raises(wrong.error, match=f"(?s){wrong.message}"):
        wrong.call()


def by_id(wrongs):
    return pytest.mark.parametrize("wrong", wrongs, ids=lambda wrong: wrong.id)


@by_id(CONSTRUCTOR)
def test_wrong_configuration_is_refused(wrong):
    check(wrong)


@by_id(BUILD)
def test_wrong_build_is_refused(wrong):
    check(wrong)


@by_id(ENQUEUE)
def test_wrong_enqueue_is_refused(wrong):
    check(wrong)


@by_id(GRADIENTS)
def test_wrong_dequeue_or_gradient_is_refused(wrong):
    check(wrong)
