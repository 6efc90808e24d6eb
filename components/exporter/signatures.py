"""The served model's signatures of flat tensors: raw columns, and ids by feature.

A signature of ragged tensors would have unnamed inputs; values and row splits have
names. See `configs.columns` for the names.
"""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from components.features.tokens import MISSING
from components.features.transform_graph import DTYPES
from configs.column import Column
from configs.columns import lookup_inputs, model_inputs
from configs.schema import Feature, FeatureSet
from embedding.checks import after, asserted


def columns_signature(
    columns: Mapping[str, Column],
    answer: Callable[[dict[str, Any]], dict[str, tf.Tensor]],
) -> Any:
    """Returns the concrete function of raw columns.

    Args:
        columns: what the model reads, by column.
        answer: maps tensors by column, [batch] or ragged, to the outputs.
    """
    specs: dict[str, tf.DType] = {}
    for name, column in columns.items():
        values, *row_splits = model_inputs(name, ragged=column.ragged)
        specs[values] = DTYPES[column.dtype]
        specs |= dict.fromkeys(row_splits, tf.int64)

    @tf.function
    def serve_columns(**flat: tf.Tensor) -> dict[str, tf.Tensor]:
        given, examples = {}, {}
        for name, column in columns.items():
            values, *row_splits = model_inputs(name, ragged=column.ragged)
            given[name] = flat[values]
            examples[values] = tf.size(flat[values], tf.int64)
            if row_splits:
                given[name] = _ragged(flat, values, *row_splits)
                examples[row_splits[0]] = given[name].nrows()
                del examples[values]
        return answer(_of_equal_lengths(given, examples))

    return _traced(serve_columns, specs)


def missing_values(columns: Mapping[str, Column]) -> dict[str, bytes | int | float]:
    """Returns what stands for a missing value, by the input that may miss one.

    Args:
        columns: what the model reads, by column.
    """
    return {
        model_inputs(name, ragged=False)[0]: MISSING[column.dtype]
        for name, column in columns.items()
        if column.optional and not column.ragged
    }


def lookup_signature(
    features: FeatureSet,
    answer: Callable[[dict[str, Any], dict[str, Any]], dict[str, tf.Tensor]],
) -> Any:
    """Returns the concrete function of ids.

    Args:
        features: the specification.
        answer: maps ids, [batch] or ragged, and weights, ragged or None, both by
            feature, to the outputs.
    """
    specs: dict[str, tf.DType] = {}
    for name, feature in features.features.items():
        given = _lookup_inputs(name, feature)
        types = (tf.int64, tf.int64, tf.float32)
        specs |= dict(zip(given, types, strict=False))

    @tf.function
    def serve_lookup(**flat: tf.Tensor) -> dict[str, tf.Tensor]:
        ids: dict[str, Any] = {}
        weights: dict[str, Any] = dict.fromkeys(features.features)
        for name, feature in features.features.items():
            values, *row_splits = _lookup_inputs(name, feature)
            ids[name] = flat[values]
            if row_splits:
                ids[name] = _ragged(flat, values, row_splits[0])
            if feature.weights:
                weights[name] = _ragged(flat, row_splits[1], row_splits[0])
        return answer(ids, weights)

    return _traced(serve_lookup, specs)


def _traced(function: Any, types: Mapping[str, tf.DType]) -> Any:
    """Traces for inputs of one axis, each of its type and by its name."""
    return function.get_concrete_function(
        **{name: tf.TensorSpec([None], dtype, name) for name, dtype in types.items()}
    )


def _lookup_inputs(name: str, feature: Feature) -> list[str]:
    return lookup_inputs(
        name, ragged=feature.is_ragged, weighted=feature.weights is not None
    )


def _ragged(
    flat: Mapping[str, tf.Tensor], values: str, row_splits: str
) -> tf.RaggedTensor:
    """Returns a column put together again, its row splits checked."""
    splits, size = flat[row_splits], tf.size(flat[values], tf.int64)
    fits = tf.debugging.Assert(
        (splits[0] == 0)
        & (splits[-1] == size)
        & tf.reduce_all(splits[1:] >= splits[:-1]),
        [
            f"Input {row_splits} must begin with 0, never go down, and end with the "
            f"number of {values},",
            size,
            "got",
            splits,
        ],
    )
    with after(fits):
        return tf.RaggedTensor.from_row_splits(
            flat[values], tf.identity(splits), validate=False
        )


def _of_equal_lengths(
    columns: Mapping[str, Any], examples: Mapping[str, tf.Tensor]
) -> dict[str, Any]:
    """Returns columns, checked to be of equally many examples.

    Args:
        columns: tensors by column.
        examples: how many there are, int64, by the name of the input that tells it.
    """
    counts = list(examples.values())

    def found() -> list[Any]:
        told = [part for name, n in examples.items() for part in (name, n)]
        return ["All inputs must hold the same number of examples, got", *told]

    equal = tf.reduce_all(tf.equal(tf.stack(counts), counts[0]))
    with after(asserted(equal, found)):
        return {
            name: values.with_values(tf.identity(values.values))
            if isinstance(values, tf.RaggedTensor)
            else tf.identity(values)
            for name, values in columns.items()
        }
