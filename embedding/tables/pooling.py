"""Pooled lookup, its transpose, and sums over hosts: a sparse matrix product each.

With S the matrix of coefficients (activation row x table row), activations are
S @ table and the gradient of the table rows is S^T @ gradient. Both read the
occurrences in one fixed order, so results are reproducible bit for bit.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def pooled(
    indices: tf.Tensor, coefficients: tf.Tensor, rows: int | tf.Tensor, table: tf.Tensor
) -> tf.Tensor:
    """Returns sum(coefficient * table row) for each activation row.

    Args:
        indices: int64 [n, 2], pairs (activation row, table row).
        coefficients: float32 [n].
        rows: number of activation rows.
        table: float32 [table rows, dim].

    Returns:
        float32 [rows, dim].
    """
    shape = tf.stack([tf.cast(rows, tf.int64), tf.shape(table, tf.int64)[0]])
    return _product(indices, coefficients, shape, table, False)


def pooled_rows(
    segments: tf.Tensor, coefficients: tf.Tensor, count: tf.Tensor, rows: tf.Tensor
) -> tf.Tensor:
    """Returns what `pooled` does, of a table row for each occurrence.

    Args:
        segments: int64 [n], the activation row of each table row.
        coefficients: float32 [n].
        count: int64 scalar, number of activation rows.
        rows: float32 [n, dim].

    Returns:
        float32 [count, dim].
    """
    n = tf.size(segments, tf.int64)
    indices = tf.stack([segments, tf.range(n)], axis=1)
    return _product(indices, coefficients, tf.stack([count, n]), rows, False)


def pooled_gradient(
    indices: tf.Tensor,
    coefficients: tf.Tensor,
    table_rows: tf.Tensor,
    gradient: tf.Tensor,
) -> tf.Tensor:
    """Returns sum(coefficient * gradient row) for each table row: `pooled`, transposed.

    Args:
        indices: int64 [n, 2], pairs (activation row, table row).
        coefficients: float32 [n].
        table_rows: int64 scalar, number of table rows.
        gradient: float32 [activation rows, dim].

    Returns:
        float32 [table_rows, dim].
    """
    shape = tf.stack([tf.shape(gradient, tf.int64)[0], table_rows])
    return _product(indices, coefficients, shape, gradient, True)


def sum_in_order(parts: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the sum of tensors, each added to the sum of those before it.

    Args:
        parts: float32, all of one shape; at least one.
    """
    return parts[0] if len(parts) == 1 else stack_sum_in_order(tf.stack(parts))


def stack_sum_in_order(parts: tf.Tensor) -> tf.Tensor:
    """Returns the sum over the first axis, each part added to the sum of those before.

    In a graph TensorFlow takes additions of equal shapes together, and adds their
    inputs in the order of their nodes' names. So the sum is a matrix product, too.

    Args:
        parts: float32 [parts, ...], how many parts is known.
    """
    count = parts.shape[0]
    places = tf.constant([[0, part] for part in range(count)], tf.int64)
    shape = tf.constant([1, count], tf.int64)
    flat = tf.reshape(parts, [count, -1])
    total = _product(places, tf.ones([count]), shape, flat, False)
    total = tf.reshape(total, tf.shape(parts)[1:])
    total.set_shape(parts.shape[1:])
    return total


def _product(
    indices: tf.Tensor,
    coefficients: tf.Tensor,
    shape: tf.Tensor,
    dense: tf.Tensor,
    adjoint: bool,
) -> tf.Tensor:
    return tf.raw_ops.SparseTensorDenseMatMul(
        a_indices=indices,
        a_values=coefficients,
        a_shape=shape,
        b=dense,
        adjoint_a=adjoint,
    )


def quantized(config: Any, rows: tf.Tensor) -> tf.Tensor:
    """Returns rows rounded as a quantized serving table would hold them.

    Values are clipped to [lower, upper] and rounded to the nearest of num_buckets
    equally spaced levels. Gradients are those of the unquantized rows.

    Args:
        config: `tf.tpu.experimental.embedding.QuantizationConfig`, or None for rows as
            they are.
        rows: float32 [n, dim].
    """
    if config is None:
        return rows
    step = (config.upper - config.lower) / (config.num_buckets - 1)
    clipped = tf.clip_by_value(rows, config.lower, config.upper)
    return tf.floor((clipped - config.lower) / step + 0.5) * step + config.lower
