"""Numbers for the dense model: missing values, logarithm, scale."""

import tensorflow as tf

from shardline.components.features.analysis.statistics import NumberStatistics
from shardline.components.features.ids.tensor_tokens import is_missing
from shardline.configs.schema import Number


def scaled(
    values: tf.Tensor, number: Number, statistics: NumberStatistics
) -> tf.Tensor:
    """Returns a number as the dense model takes it.

    Args:
        values: float32 or int64 [batch], as parsed.
        number: the rule.
        statistics: the statistics of the training examples.

    Returns:
        float32 [batch]. A scale by a spread of 0 gives 0 for the one value there is.
    """
    is_absent = is_missing(values)
    # Float32 has not the digits of whole numbers, nor of values far from zero.
    result = tf.cast(values, tf.float64)
    if isinstance(number.missing, float):
        result = _where(is_absent, number.missing, result)
    if number.log:
        result = signed_log(result)
    if number.missing == "mean":
        result = _where(is_absent, statistics.mean, result)
    if number.scale == "z_score":
        result = _divided(result - statistics.mean, statistics.variance**0.5)
    elif number.scale == "min_max":
        result = _divided(
            result - statistics.minimum, statistics.maximum - statistics.minimum
        )
    return tf.cast(result, tf.float32)


def signed_log(values: tf.Tensor) -> tf.Tensor:
    """Returns sign(x) * log(1 + |x|)."""
    return tf.sign(values) * tf.math.log1p(tf.abs(values))


def _divided(values: tf.Tensor, spread: float) -> tf.Tensor:
    return values / spread if spread > 0 else values


def _where(is_absent: tf.Tensor, value: float, others: tf.Tensor) -> tf.Tensor:
    return tf.where(is_absent, tf.constant(value, others.dtype), others)
