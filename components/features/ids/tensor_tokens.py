"""The tokens of a feature, as tensors: defaults, crosses, the kept end of a sequence.

`ids.arrow_tokens` makes the same tokens of Arrow columns; a test compares the two. A
missing value of a column that may lack one is parsed as "", NaN or the smallest int64.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from shardline.configs.schema import Feature
from shardline.embedding.inputs.assertions import after, asserted

# What parsing puts in place of a value that is not there.
MISSING: dict[str, bytes | int | float] = {
    "string": b"",
    "float": float("nan"),
    "int64": int(np.iinfo(np.int64).min),
}


def feature_tokens(name: str, feature: Feature, columns: Mapping[str, Any]) -> Any:
    """Returns the values that a feature makes ids of.

    Args:
        name: the name of the feature.
        feature: the feature.
        columns: raw columns: tensors [batch] or ragged.

    Returns:
        [batch], or ragged and at most max_sequence_length long.
    """
    if feature.cross:
        values = crossed(*(columns[column] for column in feature.cross))
    else:
        values = columns[feature.column or name]
    if feature.default is not None:
        values = _with_default(values, feature.default)
    if feature.max_sequence_length:
        if feature.keep == "oldest":
            return values[:, : feature.max_sequence_length]
        return values[:, -feature.max_sequence_length :]
    return values


def feature_weights(
    name: str, feature: Feature, columns: Mapping[str, Any]
) -> tf.RaggedTensor:
    """Returns one weight for each value of a weighted feature; a default has 1.

    Weights of another number than values are an error of the running graph; without a
    default the engine refuses them.

    Args:
        name: the name of the feature.
        feature: the feature.
        columns: raw columns: tensors [batch] or ragged.
    """
    weights = columns[feature.weights or ""]
    if feature.default is None:
        return weights
    # Before the default fills both, which would hide it.
    column = feature.column or name
    given, expected = weights.row_lengths(), columns[column].row_lengths()

    def found() -> list[Any]:
        row = tf.argmax(tf.not_equal(given, expected), output_type=tf.int64)
        return [
            f"Column `{feature.weights}` has not one weight for each id in column "
            f"`{column}`: example",
            row,
            "(the first is 0) has",
            given[row],
            "weights for",
            expected[row],
            "ids. Write as many weights as ids.",
        ]

    with after(asserted(tf.reduce_all(tf.equal(given, expected)), found)):
        return _with_default(weights, 1.0)


def crossed(left: Any, right: Any) -> Any:
    """Returns every pair of values of two columns, as "left_X_right".

    Each value of the left column meets each of the right one, left-major, as in
    `tf.ragged.cross`.
    """
    if isinstance(left, tf.RaggedTensor) or isinstance(right, tf.RaggedTensor):
        return tf.ragged.cross([_ragged(left), _ragged(right)])
    return tf.strings.join([text(left), text(right)], separator="_X_")


def _ragged(column: Any) -> tf.RaggedTensor:
    if isinstance(column, tf.RaggedTensor):
        return column.with_values(text(column.values))
    values = text(column)
    return tf.RaggedTensor.from_uniform_row_length(values, 1)


def text(values: tf.Tensor) -> tf.Tensor:
    """Returns values as strings; whole numbers in decimal."""
    return values if values.dtype == tf.string else tf.strings.as_string(values)


def _with_default(values: Any, default: str | int | float) -> Any:
    """Puts the default in place of a missing value, or of no value at all."""
    if not isinstance(values, tf.RaggedTensor):
        return tf.where(is_missing(values), tf.constant(default, values.dtype), values)
    empty = tf.cast(values.row_lengths() == 0, tf.int64)
    fill = tf.RaggedTensor.from_row_lengths(
        tf.fill([tf.reduce_sum(empty)], tf.constant(default, values.dtype)), empty
    )
    return tf.concat([values, fill], axis=1)


def is_missing(values: tf.Tensor) -> tf.Tensor:
    """Returns where a parsed column holds no value: bool, of the same shape."""
    if values.dtype == tf.float32:
        return tf.math.is_nan(values)
    name = "string" if values.dtype == tf.string else "int64"
    return tf.equal(values, tf.constant(MISSING[name], values.dtype))
