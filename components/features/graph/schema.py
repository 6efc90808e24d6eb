"""The schema that the examples must have, from the reader's columns.

A ragged column is read as a RaggedTensor, and so is one whose value may be missing: a
value that is not there may be written as no feature, as a feature without a list, or as
an empty list, and TensorFlow reads the last as one value only into a RaggedTensor.
Any other column is read as one value an example.
"""

from collections.abc import Iterator, Mapping

from tensorflow_metadata.proto.v0 import schema_pb2

from shardline.components.readers.example_reader import Column
from shardline.configs.columns import raw_columns, reader_of
from shardline.configs.fault import Fault, Part
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
    feature_set: Features, target: Target, columns: Mapping[str, Column]
) -> list[Fault]:
    """Returns what of a feature set the columns of a reader cannot give.

    Args:
        feature_set: the features and numbers.
        target: label and example weight.
        columns: what the reader's examples hold.
    """
    faults = []
    asked_by = {target.label: "label", target.example_weight: "example_weight"}
    for name, needed in raw_columns(feature_set, target).items():
        if key := asked_by.get(name):
            part = Part(key, ("data", key))
        else:
            part = reader_of(feature_set, name)
        if name not in columns:
            faults.append(
                part.fault(
                    f"column `{shown(name)}` is not among the reader's columns "
                    f"({', '.join(map(shown, sorted(columns)))})"
                )
            )
        elif columns[name] != needed:
            faults += _misfits(part, name, needed, columns[name], is_target=bool(key))
    return faults


def _misfits(
    part: Part, name: str, needed: Column, came: Column, *, is_target: bool
) -> Iterator[Fault]:
    """Yields the fault of a column of another kind, unless any that came will do."""
    held = f"column `{shown(name)}` holds {came}"
    if is_target or (
        needed.dtype != came.dtype and {needed.dtype, came.dtype} != {"string", "int64"}
    ):
        yield part.fault(f"{held}; needed is {needed}")
    elif remedy := _remedy(needed, came):
        yield part.fault(held, remedy)


def _remedy(needed: Column, came: Column) -> str | None:
    """Returns what to do about a column of another kind; None if it will do."""
    if needed.dtype != came.dtype:
        return f"give `dtype: {came.dtype}`, which `ids` must be able to take"
    if needed.ragged and not came.ragged:
        return "leave out `combiner`, `max_sequence_length` and `weights`"
    if came.ragged and not needed.ragged:
        return "give `combiner` or `max_sequence_length`"
    if came.optional and not needed.optional:
        return "it may be missing: give `default`, or `missing` for a number"
    return None
