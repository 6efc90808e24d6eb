"""What a request may not hold; the assertions of all features are few."""

import pytest
import tensorflow as tf

from shardline.embedding.config.specs import flatten_features
from shardline.embedding.serving.checks import FeatureRequest, request_checks

RAGGED = tf.ragged.constant([[1, 2], [], [3]], dtype=tf.int64)


def request(cases, ids, weights=None, *, combiner="mean", policy="error"):
    config = {"clicks": cases.feature(cases.table(combiner))}
    (feature,) = flatten_features(config, policy)
    return FeatureRequest(feature, ids, weights)


def test_good_requests_pass(cases):
    weights = RAGGED.with_values(tf.constant([0.0, 1.0, 2.0]))
    good = [request(cases, tf.constant([0, 10], tf.int64))]
    good += [request(cases, RAGGED, weights), request(cases, RAGGED)]
    assert request_checks(good, splits_known=False) == [None] * 3
    assert request_checks(good, splits_known=True) == [None] * 2


@pytest.mark.parametrize("ids", [[0, 11], [-1, 3]])
def test_id_outside_the_table_is_refused(cases, ids):
    bad = request(cases, tf.constant(ids, tf.int64))
    fine = request(cases, RAGGED)
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=rf"(?s)'clicks': ids of table 'items' must lie in \[0, 11\).*{min(ids)}",
    ):
        request_checks([fine, bad], splits_known=False)


@pytest.mark.parametrize(
    ("combiner", "weight", "words"),
    [
        ("mean", -1.0, "combiner mean must be finite and not negative. Mend"),
        ("sum", float("nan"), "combiner sum must be finite. Mend"),
    ],
)
def test_weight_of_no_meaning_is_refused(cases, combiner, weight, words):
    weights = RAGGED.with_values(tf.constant([1.0, weight, 1.0]))
    bad = request(cases, RAGGED, weights, combiner=combiner)
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        request_checks([bad], splits_known=False)


def test_weights_of_other_positions_are_refused(cases):
    weights = tf.ragged.constant([[1.0], [1.0], [1.0]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="at the same positions"):
        request_checks([request(cases, RAGGED, weights)], splits_known=False)


@pytest.mark.parametrize("policy", ["drop", "oov_row"])
def test_policy_that_refuses_nothing_needs_no_check_of_ids(cases, policy):
    outside = request(cases, tf.constant([-4, 99], tf.int64), policy=policy)
    assert request_checks([outside], splits_known=False) == []


def test_splits_of_no_ragged_tensor_are_refused_under_any_policy(cases):
    ids = tf.RaggedTensor.from_row_splits(RAGGED.values, [0, 2, 9], validate=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="row_splits must ascend"):
        request_checks([request(cases, ids, policy="drop")], splits_known=False)
