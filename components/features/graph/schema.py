"""The schema that the examples must have, from the reader's columns.

A ragged column is read as a RaggedTensor, and so is one whose value may be missing: a
value that is not there may be written as no feature, as a feature without a list, or as
an empty list, and TensorFlow reads the last as one value only into a RaggedTensor.
Any other column is read as one value an example.
"""

from collections.abc import Mapping

from tensorflow_metadata.proto.v0 import schema_pb2

from shardline.components.readers.example_reader import Column
from shardline.configs.columns import raw_columns
from shardline.configs.rules import reader_of
from shardline.configs.schema import Features, Target
from shardline.configs.shown import shown

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
        if column.ragged or column.optional:
            feature.value_count.min = 0
            if not column.ragged:
                feature.value_count.max = 1
            representations[name].ragged_tensor.feature_path.step.append(name)
            continue
        dense = representations[name].dense_tensor
        dense.column_name = name
        dense.shape.SetInParent()
        feature.presence.min_fraction = 1
        feature.shape.SetInParent()
    return schema


def column_faults(
    features: Features, target: Target, columns: Mapping[str, Column]
) -> list[str]:
    """Returns what of a specification the columns of a reader cannot give.

    Args:
        features: the specification.
        target: label and example weight.
        columns: what the reader's examples hold.
    """
    faults = []
    asked_by = {target.label: "label", target.example_weight: "example_weight"}
    for name, needed in raw_columns(features, target).items():
        user = asked_by.get(name) or reader_of(features, name)
        if name not in columns:
            faults.append(
                f"{user}: column `{shown(name)}` is not among the reader's columns "
                f"({', '.join(map(shown, sorted(columns)))})"
            )
        elif name in asked_by and columns[name] != needed:
            faults.append(
                f"{user}: column `{shown(name)}` holds {columns[name]}; needed is "
                f"{needed}"
            )
        elif fault := _misfit(needed, columns[name]):
            held = f"column `{shown(name)}` holds {columns[name]}"
            faults.append(f"{user}: {held}; {fault}")
    return faults


def _misfit(needed: Column, came: Column) -> str | None:
    """Returns what to do about a column of another kind."""
    if needed.dtype != came.dtype:
        if {needed.dtype, came.dtype} == {"string", "int64"}:
            return f"give `dtype: {came.dtype}`, which `ids` must be able to take"
        return f"needed is {needed}"
    if needed.ragged and not came.ragged:
        return "leave out `combiner`, `max_sequence_length` and `weights`"
    if came.ragged and not needed.ragged:
        return "give `combiner` or `max_sequence_length`"
    if came.optional and not needed.optional:
        return "it may be missing: give `default`, or `missing` for a number"
    return None
