"""What is read in few ops, and that it asks what training would ask."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.config.specs import flatten_features
from shardline.embedding.serving import requests
from shardline.embedding.serving.checks import FeatureRequest

IDS = tf.constant([1, 12, 3], tf.int64)
RAGGED = tf.ragged.constant([[1, 2], [], [3]], dtype=tf.int64)
WEIGHTS = tf.ragged.constant([[1.0, 3.0], [], [2.0]])


def request(cases, ids, weights=None, *, combiner="mean", policy="error", **options):
    """Returns a request for one feature, "clicks"."""
    config = cases.feature(cases.table(combiner), **options)
    (feature,) = flatten_features({"clicks": config}, policy)
    return FeatureRequest(feature, ids, weights)


@pytest.mark.parametrize(
    ("ids", "weights", "options", "here"),
    [
        (IDS, None, {}, True),
        (RAGGED, None, {}, True),
        (RAGGED, WEIGHTS, {}, True),
        (RAGGED, None, {"length": 2}, True),
        (RAGGED, None, {"policy": "oov_row"}, True),
        (RAGGED, WEIGHTS, {"policy": "oov_row"}, False),
        (RAGGED, None, {"policy": "drop"}, False),
        (RAGGED, None, {"output_shape": (3,)}, False),
        (RAGGED.to_sparse(), None, {}, False),
    ],
)
def test_kinds_of_small_requests_are_read_here(cases, ids, weights, options, here):
    assert requests.is_read_here(request(cases, ids, weights, **options)) is here


@pytest.mark.parametrize(
    ("policy", "rows", "drops"),
    [
        ("error", [1, 12, 3], False),
        ("drop", [1, 12, 3], True),
        ("oov_row", [1, 10, 3], False),
    ],
)
def test_dense_ids_are_rows_under_each_policy(cases, policy, rows, drops):
    found = requests.read(request(cases, IDS, policy=policy))
    assert isinstance(found, requests.UnpooledRequest)
    assert found.ids.numpy().tolist() == rows
    assert (found.length, found.drops) == (None, drops)


def test_sequences_keep_their_length(cases):
    found = requests.read(request(cases, RAGGED, length=2))
    assert isinstance(found, requests.UnpooledRequest)
    assert found.length == 2
    assert found.ids.to_list() == RAGGED.to_list()


@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_bags_ask_what_training_asks(cases, combiner, weights):
    asked = request(cases, RAGGED, weights, combiner=combiner)
    here, in_training = requests.read(asked), requests.read_as_in_training(asked)
    assert isinstance(here, requests.PooledRequest)
    assert int(here.bag_count) == int(in_training.bag_count) == 3
    assert here.shape is None
    assert in_training.shape.numpy().tolist() == [3]
    for found, expected in zip(here.lookup, in_training.lookup, strict=True):
        np.testing.assert_array_equal(found, expected)
