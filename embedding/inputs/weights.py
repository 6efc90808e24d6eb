"""Float32 weights of any size: which are negative, and how they are combined.

Combiners divide a weight by a sum over its example. Where the sum would leave float32,
all weights of that example are multiplied by one power of two first: that is exact, and
no quotient changes. Ordinary weights stay as they are.

TensorFlow has its threads take denormal numbers for zeros, so that those are told apart
by their bits here. `partition.cc` does the same.
"""

import tensorflow as tf

# If the largest weight of an example lies between these, neither the sum nor the sum of
# squares of up to 2^31 weights leaves float32. The same as bits.
_LEAST, _MOST = 2.0**-45, 2.0**44
_LEAST_ORDINARY = (127 - 45) << 23
_MOST_ORDINARY = (127 + 44) << 23
_OF_TINY, _OF_HUGE = 2.0**90, 2.0**-80

_LEAST_NORMAL = 1 << 23
_DENORMAL_UNIT = 2.0**-149
_MAGNITUDE = 0x7FFFFFFF
_GREATEST = 0x7F7FFFFF
_MINUS_ZERO = 0x80000000


def are_finite_and_not_negative(weights: tf.Tensor) -> tf.Tensor:
    """Returns which weights are: bool, of the shape of float32 weights."""
    bits = tf.bitcast(weights, tf.uint32)
    return (bits <= _GREATEST) | tf.equal(bits, _MINUS_ZERO)


def scaled_weights(
    weights: tf.Tensor, segments: tf.Tensor, rows: tf.Tensor
) -> tf.Tensor:
    """Returns weights with the same ratios to each other within each example.

    Args:
        weights: float32 [n].
        segments: int64 [n], the activation row of each.
        rows: int64 scalar, how many activation rows there are.

    Returns:
        float32 [n].
    """
    # Every batch pays for this condition, so it is of few ops. Zeros and negative
    # weights do not meet it, and `_scaled` returns them as they are.
    return tf.cond(
        (tf.reduce_min(weights) >= _LEAST) & (tf.reduce_max(weights) <= _MOST),
        lambda: weights,
        lambda: _scaled(weights, segments, rows),
    )


def _scaled(weights: tf.Tensor, segments: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    # Absolute values as bits, which compare as the values do.
    magnitudes = tf.bitwise.bitwise_and(tf.bitcast(weights, tf.int32), _MAGNITUDE)
    largest = tf.gather(
        tf.math.unsorted_segment_max(magnitudes, segments, rows), segments
    )
    is_tiny = largest < _LEAST_ORDINARY
    scales = tf.where(largest > _MOST_ORDINARY, _OF_HUGE, 1.0)
    normal = weights * tf.where(is_tiny, _OF_TINY, scales)
    denormal = tf.cast(magnitudes, tf.float32) * (_DENORMAL_UNIT * _OF_TINY)
    denormal = tf.where(
        tf.equal(tf.bitcast(weights, tf.int32), magnitudes), denormal, -denormal
    )
    return tf.where(is_tiny & (magnitudes < _LEAST_NORMAL), denormal, normal)
