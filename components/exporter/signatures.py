"""The served model's signatures of flat tensors: raw columns, and ids by feature.

A signature of ragged tensors would have unnamed inputs; values and row splits have
names. See `configs.columns` for the names.
"""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from shardline.components.features.graph.transform_graph import DTYPES
from shardline.components.features.ids.tensor_tokens import MISSING
from shardline.configs.column import Column
from shardline.configs.columns import lookup_inputs, model_inputs
from shardline.configs.schema import Feature, FeatureSet
from shardline.embedding.inputs.assertions import after, asserted
from shardline.embedding.inputs.row_splits import splits_check


def columns_signature(
    columns: Mapping[str, Column],
    input_names: Mapping[str, str],
    answer: Callable[[dict[str, Any]], dict[str, tf.Tensor]],
) -> Any:
    """Returns the concrete function of raw columns.

    Args:
        columns: what the model reads, by column.
        input_names: what the configuration calls the inputs of columns.
        answer: maps tensors by column, [batch] or ragged, to the outputs.
    """
    inputs = {
        name: model_inputs(name, input_names, ragged=column.ragged)
        for name, column in columns.items()
    }
    specs: dict[str, tf.DType] = {}
    for name, (values, *row_splits) in inputs.items():
        specs[values] = DTYPES[columns[name].dtype]
        specs |= dict.fromkeys(row_splits, tf.int64)

    @tf.function
    def serve_columns(**flat: tf.Tensor) -> dict[str, tf.Tensor]:
        by_column = _put_together(flat, inputs)
        examples = {
            # Of a ragged column the row splits say it.
            names[-1]: by_column[column].nrows()
            if len(names) > 1
            else tf.size(flat[names[0]], tf.int64)
            for column, names in inputs.items()
        }
        return answer(_of_equal_lengths(by_column, examples))

    return _traced(serve_columns, specs)


def missing_values(
    columns: Mapping[str, Column], input_names: Mapping[str, str]
) -> dict[str, bytes | int | float]:
    """Returns what stands for a missing value, by the input that may miss one.

    Args:
        columns: what the model reads, by column.
        input_names: what the configuration calls the inputs of columns.
    """
    return {
        model_inputs(name, input_names, ragged=False)[0]: MISSING[column.dtype]
        for name, column in columns.items()
        if column.optional and not column.ragged
    }


def lookup_signature(
    feature_set: FeatureSet,
    answer: Callable[[dict[str, Any], dict[str, Any]], dict[str, tf.Tensor]],
) -> Any:
    """Returns the concrete function of ids.

    Args:
        feature_set: the id features, numbers and tables.
        answer: maps ids, [batch] or ragged, and weights, ragged or None, both by
            feature, to the outputs.
    """
    specs: dict[str, tf.DType] = {}
    for name, feature in feature_set.features.items():
        types = (tf.int64, tf.int64, tf.float32)
        specs |= dict(zip(_lookup_inputs(name, feature), types, strict=False))

    @tf.function
    def serve_lookup(**flat: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = {
            name: _lookup_inputs(name, feature)
            for name, feature in feature_set.features.items()
        }
        ids = _put_together(
            flat, {feature: names[:2] for feature, names in inputs.items()}
        )
        weights = {
            # With the same row splits as the ids, which then need no comparison.
            feature: tf.RaggedTensor.from_row_splits(
                flat[names[2]], ids[feature].row_splits, validate=False
            )
            if len(names) > 2
            else None
            for feature, names in inputs.items()
        }
        return answer(ids, weights)

    return _traced(serve_lookup, specs)


def _traced(function: Any, types: Mapping[str, tf.DType]) -> Any:
    """Traces a function for inputs of one axis, by name and type."""
    return function.get_concrete_function(
        **{name: tf.TensorSpec([None], dtype, name) for name, dtype in types.items()}
    )


def _lookup_inputs(name: str, feature: Feature) -> list[str]:
    return lookup_inputs(
        name, ragged=feature.is_ragged, weighted=feature.weights is not None
    )


def _put_together(
    flat: Mapping[str, tf.Tensor], inputs: Mapping[str, list[str]]
) -> dict[str, Any]:
    """Returns columns put together again, their row splits checked.

    Args:
        flat: tensors by input.
        inputs: of each column, its values, and its row splits if it is ragged.
    """
    columns: dict[str, Any] = {}
    ragged = []
    for name, (values, *row_splits) in inputs.items():
        columns[name] = flat[values]
        for splits in row_splits:
            columns[name] = tf.RaggedTensor.from_row_splits(
                flat[values], flat[splits], validate=False
            )
            message = (
                f"Input {splits} must begin with 0, never go down, and end with the "
                f"number of {values},"
            )
            ragged.append((message, columns[name]))
    with after(*([splits_check(ragged)] if ragged else [])):
        return {
            name: tf.RaggedTensor.from_row_splits(
                column.values, tf.identity(column.row_splits), validate=False
            )
            if isinstance(column, tf.RaggedTensor)
            else column
            for name, column in columns.items()
        }


def _of_equal_lengths(
    columns: Mapping[str, Any], examples: Mapping[str, tf.Tensor]
) -> dict[str, Any]:
    """Returns columns, checked to have equally many examples.

    Args:
        columns: tensors by column.
        examples: how many there are, int64, by the name of the input that says it.
    """
    counts = list(examples.values())

    def found() -> list[Any]:
        counted = [part for name, n in examples.items() for part in (name, n)]
        return ["All inputs must hold the same number of examples, got", *counted]

    equal = tf.reduce_all(tf.equal(tf.stack(counts), counts[0]))
    with after(asserted(equal, found)):
        return {
            name: values.with_values(tf.identity(values.values))
            if isinstance(values, tf.RaggedTensor)
            else tf.identity(values)
            for name, values in columns.items()
        }
