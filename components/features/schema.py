"""The schema that the examples must have, from the reader's columns.

A ragged column is read as a RaggedTensor, any other as one value an example.
"""

from collections.abc import Mapping

from tensorflow_metadata.proto.v0 import schema_pb2

from components.columns import Column
from configs.schema import FeatureSet

_TYPES = {
    "string": schema_pb2.BYTES,
    "int64": schema_pb2.INT,
    "float": schema_pb2.FLOAT,
}


def example_schema(columns: Mapping[str, Column]) -> schema_pb2.Schema:
    """Returns the schema of examples with these columns."""
    schema = schema_pb2.Schema()
    representations = schema.tensor_representation_group[""].tensor_representation
    for name, column in columns.items():
        feature = schema.feature.add(name=name, type=_TYPES[column.dtype])
        if column.ragged:
            feature.value_count.min = 0
            representations[name].ragged_tensor.feature_path.step.append(name)
        else:
            feature.presence.min_fraction = 1
            feature.shape.SetInParent()
            representations[name].dense_tensor.column_name = name
            representations[name].dense_tensor.shape.SetInParent()
    return schema


def column_faults(
    features: FeatureSet, label: str, columns: Mapping[str, Column]
) -> list[str]:
    """Returns what in a feature specification the columns cannot give.

    Args:
        features: the specification.
        label: the column to predict.
        columns: what the reader's examples hold.
    """
    faults = []
    if label in features.features:
        faults.append(f"label: feature `{label}` has its name; rename the feature")
    if label not in columns:
        faults.append(f"label: {_absent(label, columns)}")
    elif columns[label] != Column("float"):
        faults.append(f"label: column `{label}` must hold one float an example")
    for name, feature in features.features.items():
        column = feature.column or name
        if column not in columns:
            faults.append(f"feature `{name}`: {_absent(column, columns)}")
        elif columns[column] != Column("string", feature.is_ragged):
            faults.append(_wrong_kind(name, column, columns[column], feature.is_ragged))
        if feature.weights and feature.weights not in columns:
            faults.append(f"feature `{name}`: {_absent(feature.weights, columns)}")
        elif feature.weights and columns[feature.weights] != Column("float", True):
            faults.append(
                f"feature `{name}`: weights column `{feature.weights}` must hold any "
                "number of floats an example"
            )
    return faults


def _absent(column: str, columns: Mapping[str, Column]) -> str:
    return (
        f"column `{column}` is not among the reader's columns "
        f"({', '.join(sorted(columns))})"
    )


def _wrong_kind(name: str, column: str, came: Column, is_ragged: bool) -> str:
    if came.dtype != "string":
        return (
            f"feature `{name}`: column `{column}` must hold strings, not {came.dtype}"
        )
    if is_ragged:
        return (
            f"feature `{name}`: column `{column}` holds one value an example; leave "
            "out `combiner` and `max_sequence_length`"
        )
    return (
        f"feature `{name}`: column `{column}` holds any number of values an example; "
        "give `combiner` or `max_sequence_length`"
    )
