"""Leaves in the order of features, replicas' shares, and inputs that are no batch."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.config.specs import flatten_features
from shardline.embedding.inputs import structure

IDS = tf.constant([1, 2], tf.int64)
RAGGED = tf.ragged.constant([[1], [2, 3]], dtype=tf.int64)
SPARSE = RAGGED.to_sparse()


def test_leaves_come_in_the_order_of_the_features(cases):
    features = {"b": cases.feature(cases.table()), "a": cases.feature(cases.table())}
    assert structure.flatten_like(features, {"b": 1, "a": 2}) == [2, 1]
    with pytest.raises(ValueError, match="structure"):
        structure.flatten_like(features, {"b": 1})


def test_share_of_a_replica_is_its_value_or_the_one_of_all():
    class PerReplica(tf.distribute.DistributedValues):
        values = ("first", "second")

    values = ["for all", PerReplica()]
    assert structure.of_replica(values, 1) == ["for all", "second"]
    assert structure.replica_count(values) == 2
    assert structure.replica_count(["for all"]) == 1


def test_arrays_and_variables_become_tensors():
    for ids in (np.array([1, 2]), tf.Variable(IDS)):
        assert isinstance(structure.as_input(ids), tf.Tensor)
    assert structure.as_input(RAGGED) is RAGGED


def test_only_dense_inputs_have_one_id_a_position():
    assert [structure.is_dense(ids) for ids in (IDS, RAGGED, SPARSE)] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("length", "ids", "weights", "message"),
    [
        (0, [1, 2], None, "'clicks' is of unknown type <class 'list'>"),
        (0, tf.constant([1.0]), None, "must be int32 or int64, got float32"),
        (0, tf.zeros([2, 2], tf.int64), None, "should have last dimension as 1"),
        (0, RAGGED[..., tf.newaxis], None, "Only rank 2 ragged tensor"),
        (3, IDS, None, "is a sequence feature but a dense tensor"),
        (0, IDS, IDS, "Weight specified for dense input 'clicks'"),
        (0, RAGGED, SPARSE, "does not match type input which is RaggedTensor"),
        (0, RAGGED, RAGGED, "is int64; weights must be floats"),
        (3, RAGGED, tf.cast(RAGGED, tf.float32), "this is a sequence feature"),
    ],
)
def test_unfit_input_is_refused_with_its_feature(cases, length, ids, weights, message):
    features = flatten_features({"clicks": cases.feature(cases.table(), length)})
    with pytest.raises(ValueError, match=message):
        structure.check_inputs(features, [ids], [weights])


@pytest.mark.parametrize("ids", [IDS, IDS[:, tf.newaxis], RAGGED, SPARSE])
def test_every_kind_of_batch_is_taken(cases, ids):
    features = flatten_features({"clicks": cases.feature(cases.table())})
    structure.check_inputs(features, [ids], [None])
