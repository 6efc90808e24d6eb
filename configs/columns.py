"""The columns that a feature set reads from raw examples."""

import re
from collections.abc import Iterator, Mapping
from keyword import iskeyword
from typing import NamedTuple

from shardline.configs.column import Column
from shardline.configs.fault import Part, feature_part, number_part
from shardline.configs.features import Features, Target


class ColumnUse(NamedTuple):
    """What a part of a configuration says of a column.

    Attributes:
        name: the name of the column.
        column: what it holds.
        part: the part that says so.
        key: the key of the part that names the column.
    """

    name: str
    column: Column
    part: Part
    key: str


def raw_columns(
    feature_set: Features, target: Target | None = None
) -> dict[str, Column]:
    """Returns what examples must hold, by column name.

    Args:
        feature_set: the features and numbers, no two of which ask for different things
            of one column.
        target: adds the label and the weight of examples.
    """
    derived = feature_set.derived.outputs if feature_set.derived else {}
    columns: dict[str, Column] = {}
    for name, column, *_ in column_uses(feature_set, target):
        is_optional = columns.get(name, column).optional and column.optional
        columns[name] = Column(column.dtype, column.ragged, is_optional)
    for name in _crossed(feature_set):
        held = columns.get(name, Column("string"))
        columns[name] = Column(held.dtype, held.ragged)
    return {name: column for name, column in columns.items() if name not in derived}


def feature_columns(feature_set: Features) -> dict[str, Column]:
    """Returns what features and numbers read, columns of `derived` included."""
    return raw_columns(feature_set.model_copy(update={"derived": None}))


def column_uses(
    feature_set: Features, target: Target | None = None
) -> Iterator[ColumnUse]:
    """Yields what is said of each column that is read, without crosses.

    Args:
        feature_set: the features and numbers.
        target: adds the label and the weight of examples.
    """
    for name, feature in feature_set.features.items():
        part = feature_part(name)
        if not feature.cross:
            is_optional = feature.default is not None and not feature.is_ragged
            column = Column(feature.column_dtype, feature.is_ragged, is_optional)
            yield ColumnUse(feature.column or name, column, part, "column")
        if feature.weights:
            weights = Part(f"weights of {part.who}", part.config_path)
            column = Column("float", ragged=True)
            yield ColumnUse(feature.weights, column, weights, "weights")
    for name, number in feature_set.numbers.items():
        column = Column(number.dtype, optional=number.missing != "error")
        yield ColumnUse(number.column or name, column, number_part(name), "column")
    if feature_set.derived:
        derived = Part("derived", ("derived", "inputs"))
        for name, column in feature_set.derived.inputs.items():
            yield ColumnUse(name, column, derived, name)
    if target:
        yield from _target_uses(target)


def derived_uses(feature_set: Features) -> Iterator[ColumnUse]:
    """Yields what the user's own function says of the columns that it makes."""
    if feature_set.derived:
        derived = Part("derived", ("derived", "outputs"))
        for name, column in feature_set.derived.outputs.items():
            yield ColumnUse(name, column, derived, name)


def reader_of(feature_set: Features, column: str) -> Part:
    """Returns a feature or number that reads a column, else the section `derived`."""
    for name, feature in feature_set.features.items():
        if column in (feature.column or name, feature.weights, *(feature.cross or ())):
            return feature_part(name)
    for name, number in feature_set.numbers.items():
        if column == (number.column or name):
            return number_part(name)
    return Part("derived", ("derived",))


def model_inputs(name: str, names: Mapping[str, str], *, ragged: bool) -> list[str]:
    """Returns what the published model calls the inputs that make a column.

    Args:
        name: of the column; what is no letter, digit or underscore becomes one.
        names: what the configuration calls the inputs of columns (`Features.inputs`).
        ragged: whether it takes values and row splits.
    """
    plain = names.get(name) or re.sub(r"\W", "_", name, flags=re.ASCII)
    if not plain[:1].isalpha() or (not ragged and not may_be_input(plain)):
        plain = f"column_{plain}"
    return [f"{plain}_values", f"{plain}_row_splits"] if ragged else [plain]


def may_be_input(name: str) -> bool:
    """Tells whether a signature can have an input of a name, as arguments of Python."""
    return name.isidentifier() and not iskeyword(name) and name != "self"


def lookup_inputs(name: str, *, ragged: bool, weighted: bool) -> list[str]:
    """Returns what the published model's `lookup` calls the inputs of a feature.

    Args:
        name: the name of the feature.
        ragged: whether it takes values and row splits.
        weighted: whether it takes a weight for each value.
    """
    if not ragged:
        return [name]
    ids = [f"{name}_values", f"{name}_row_splits"]
    return [*ids, f"{name}_weights"] if weighted else ids


def _target_uses(target: Target) -> Iterator[ColumnUse]:
    data = ("data",)
    yield ColumnUse(target.label, Column("float"), Part("label", data), "label")
    if target.example_weight:
        part = Part("example_weight", data)
        yield ColumnUse(target.example_weight, Column("float"), part, "example_weight")


def _crossed(feature_set: Features) -> Iterator[str]:
    """Yields crossed columns: one string unless used otherwise, and never missing."""
    for feature in feature_set.features.values():
        yield from feature.cross or ()
