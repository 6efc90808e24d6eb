"""Activations of a served table, at every precision and with rows of several hosts."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.config.specs import flatten_features
from shardline.embedding.inputs.lookups import Lookup
from shardline.embedding.serving.requests import PooledRequest, UnpooledRequest
from shardline.embedding.serving.rows import pooled_activations, unpooled_activations
from shardline.embedding.serving.tables import ServingTable, decoded, encoded


@pytest.fixture(params=["float32", "float16", "int8"])
def precision(request):
    return request.param


@pytest.fixture
def table(cases, precision):
    """A table of two hosts at one precision."""
    served = ServingTable(cases.DIM, [0, 6], precision)
    for name, values in encoded(precision, cases.values()).items():
        served.parts[name].assign(values)
    return served


@pytest.fixture
def rows(cases, precision):
    """The rows that the table holds."""
    return decoded(precision, encoded(precision, cases.values()))


@pytest.fixture
def feature(cases):
    (spec,) = flatten_features({"clicks": cases.feature(cases.table())})
    return spec


def test_rows_come_in_the_shape_of_their_ids(feature, table, rows):
    ids = tf.constant([[3, 10], [0, 3]], tf.int64)
    found = unpooled_activations(feature, UnpooledRequest(ids, None, False), table)
    np.testing.assert_allclose(found, rows[ids], rtol=1e-6)


def test_dropped_ids_are_zeros(feature, table, rows):
    ids = tf.constant([-1, 3, 11], tf.int64)
    found = unpooled_activations(feature, UnpooledRequest(ids, None, True), table)
    zeros = np.zeros_like(rows[0])
    np.testing.assert_allclose(found, [zeros, rows[3], zeros], rtol=1e-6)


def test_sequences_are_cut_and_padded(feature, table, rows):
    ids = tf.ragged.constant([[1, 2, 3], [4], []], dtype=tf.int64)
    found = unpooled_activations(feature, UnpooledRequest(ids, 2, False), table)
    expected = np.zeros([3, 2, rows.shape[1]], np.float32)
    expected[0], expected[1, 0] = rows[[1, 2]], rows[4]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_bags_are_added_up_over_hosts(feature, table, rows):
    ids, segments = [1, 8, 2, 10], [0, 0, 2, 2]
    coefficients = np.array([0.5, 0.5, 2, -1], np.float32)
    lookup = Lookup(
        tf.constant(ids, tf.int64),
        tf.constant(segments, tf.int64),
        tf.constant(coefficients),
    )
    request = PooledRequest(lookup, tf.constant(3, tf.int64))
    found = pooled_activations(feature, request, table)
    expected = np.zeros([3, rows.shape[1]], np.float32)
    np.add.at(expected, segments, coefficients[:, None] * rows[ids])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_hosts_are_added_up_in_their_order_in_an_optimized_graph(cases, feature):
    """Of so many that TensorFlow numbers the outputs of an op with two digits."""
    values = cases.values() * np.float32(10) ** (np.arange(cases.ROWS) % 5)[:, None]
    table = ServingTable(cases.DIM, range(cases.ROWS))
    table.parts["rows"].assign(values.astype(np.float32))
    ids = tf.range(cases.ROWS, dtype=tf.int64)

    @tf.function(autograph=False)
    def looked_up(ids):
        lookup = Lookup(ids, tf.zeros_like(ids), tf.ones_like(ids, tf.float32))
        request = PooledRequest(lookup, tf.constant(1, tf.int64))
        return pooled_activations(feature, request, table)

    expected = np.zeros(cases.DIM, np.float32)
    for row in values.astype(np.float32):
        expected = expected + row
    np.testing.assert_array_equal(looked_up(ids)[0], expected)
