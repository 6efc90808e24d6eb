"""Pooled lookup, its transpose, and quantization, against numpy."""

import numpy as np
import pytest
import tensorflow as tf

from shardline.embedding.tables import pooling

TABLE = np.arange(12, dtype=np.float32).reshape(4, 3)
SEGMENTS = np.array([0, 0, 2], np.int64)
ROWS = np.array([1, 3, 1], np.int64)
COEFFICIENTS = np.array([0.5, 2.0, -1.0], np.float32)
# Activation row x table row.
MATRIX = np.array([[0, 0.5, 0, 2], [0, 0, 0, 0], [0, -1, 0, 0]], np.float32)
INDICES = np.stack([SEGMENTS, ROWS], axis=1)


def test_activations_are_sums_of_rows_and_zero_without_any():
    found = pooling.pooled(INDICES, COEFFICIENTS, 3, tf.constant(TABLE))
    np.testing.assert_allclose(found, MATRIX @ TABLE)
    assert not found[1].numpy().any()


def test_gathered_rows_give_the_bits_of_the_table():
    of_table = pooling.pooled(INDICES, COEFFICIENTS, 3, tf.constant(TABLE))
    count = tf.constant(3, tf.int64)
    of_rows = pooling.pooled_rows(
        tf.constant(SEGMENTS), COEFFICIENTS, count, tf.gather(TABLE, ROWS)
    )
    np.testing.assert_array_equal(of_rows, of_table)


def test_gradient_is_the_transpose():
    gradient = np.arange(9, dtype=np.float32).reshape(3, 3) + 1
    found = pooling.pooled_gradient(
        INDICES, COEFFICIENTS, tf.constant(4, tf.int64), tf.constant(gradient)
    )
    np.testing.assert_allclose(found, MATRIX.T @ gradient)


def test_quantization_clips_and_rounds_to_the_nearest_level():
    config = tf.tpu.experimental.embedding.QuantizationConfig(5, -1.0, 1.0)
    rows = tf.constant([[-3.0, -0.6, -0.2], [0.25, 0.24, 9.0]])
    expected = [[-1.0, -0.5, 0.0], [0.5, 0.0, 1.0]]
    np.testing.assert_allclose(pooling.quantized(config, rows), expected)


def test_rows_without_quantization_stay_as_they_are():
    rows = tf.constant([[0.3]])
    assert pooling.quantized(None, rows) is rows


@pytest.mark.parametrize("count", [1, 5])
def test_lookup_without_occurrences_is_zero(count):
    none = np.zeros([0, 2], np.int64), np.zeros([0], np.float32)
    found = pooling.pooled(*none, count, tf.constant(TABLE))
    np.testing.assert_array_equal(found, np.zeros([count, 3]))


def test_sums_are_added_up_in_their_order_in_an_optimized_graph():
    """Of so many that TensorFlow numbers the nodes with two digits."""
    rng = np.random.default_rng(0)
    magnitudes = np.float32([1e3, 1e-3, 1.0, 1e2])
    parts = rng.normal(size=(8, 4, 5, 3)).astype(np.float32)
    parts *= magnitudes[:, None, None]

    @tf.function(autograph=False)
    def sums(parts):
        tables = tf.unstack(parts)
        by_host = [[table[host] * 1.0 for table in tables] for host in range(4)]
        return [
            pooling.sum_in_order(of_table) for of_table in zip(*by_host, strict=True)
        ]

    for found, (a, b, c, d) in zip(sums(tf.constant(parts)), parts, strict=True):
        np.testing.assert_array_equal(found, ((a + b) + c) + d)


def test_the_sum_of_one_is_that_one():
    one = tf.constant(TABLE)
    assert pooling.sum_in_order([one]) is one
