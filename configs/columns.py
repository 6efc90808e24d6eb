"""The columns that a specification reads from raw examples."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from shardline.configs.column import Column
from shardline.configs.shown import shown

if TYPE_CHECKING:
    from shardline.configs.features import Features, Target


def raw_columns(
    features: "Features", target: "Target | None" = None
) -> dict[str, Column]:
    """Returns what examples must hold, by column name.

    Args:
        features: the specification, which `column_conflicts` finds nothing in.
        target: adds the label and the weight of examples.
    """
    made = features.derived.outputs if features.derived else {}
    columns: dict[str, Column] = {}
    for name, column, _ in [*_uses(features), *_target_uses(target)]:
        is_optional = columns.get(name, column).optional and column.optional
        columns[name] = Column(column.dtype, column.ragged, is_optional)
    for name in _crossed(features):
        held = columns.get(name, Column("string"))
        columns[name] = Column(held.dtype, held.ragged)
    return {name: column for name, column in columns.items() if name not in made}


def feature_columns(features: "Features") -> dict[str, Column]:
    """Returns what features and numbers read, columns of `derived` included."""
    return raw_columns(features.model_copy(update={"derived": None}))


def model_inputs(name: str, *, ragged: bool) -> list[str]:
    """Returns what the published model calls the inputs that make a column.

    Args:
        name: of the column; what is no letter, digit or underscore becomes one.
        ragged: whether it takes values and row splits.
    """
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    if not plain.isidentifier():
        plain = f"column_{plain}"
    return [f"{plain}_values", f"{plain}_row_splits"] if ragged else [plain]


def lookup_inputs(name: str, *, ragged: bool, weighted: bool) -> list[str]:
    """Returns what the published model's `lookup` calls the inputs of a feature.

    Args:
        name: of the feature.
        ragged: whether it takes values and row splits.
        weighted: whether it takes a weight for each value.
    """
    if not ragged:
        return [name]
    ids = [f"{name}_values", f"{name}_row_splits"]
    return [*ids, f"{name}_weights"] if weighted else ids


def column_conflicts(features: "Features") -> list[str]:
    """Returns the columns that two parts of a specification say different things of."""
    seen: dict[str, tuple[Column, str]] = {}
    faults = []
    for name, column, user in [*_made(features), *_uses(features)]:
        first, first_user = seen.setdefault(name, (column, user))
        if (first.dtype, first.ragged) != (column.dtype, column.ragged):
            faults.append(
                f"{user}: column `{shown(name)}` holds {column} here, and {first} for "
                f"{first_user}; it can be one of the two only"
            )
    return faults


def _uses(features: "Features") -> Iterator[tuple[str, Column, str]]:
    """Yields (column, what it holds, who says so)."""
    for name, feature in features.features.items():
        user = f"feature `{name}`"
        if not feature.cross:
            is_optional = feature.default is not None and not feature.is_ragged
            column = Column(feature.column_dtype, feature.is_ragged, is_optional)
            yield feature.column or name, column, user
        if feature.weights:
            yield feature.weights, Column("float", ragged=True), f"weights of {user}"
    for name, number in features.numbers.items():
        column = Column(number.dtype, optional=number.missing != "error")
        yield number.column or name, column, f"number `{name}`"
    if features.derived:
        for name, column in features.derived.inputs.items():
            yield name, column, "derived"


def _made(features: "Features") -> Iterator[tuple[str, Column, str]]:
    if features.derived:
        for name, column in features.derived.outputs.items():
            yield name, column, "derived"


def _target_uses(target: "Target | None") -> Iterator[tuple[str, Column, str]]:
    if target:
        yield target.label, Column("float"), "label"
        if target.example_weight:
            yield target.example_weight, Column("float"), "example_weight"


def _crossed(features: "Features") -> Iterator[str]:
    """Yields crossed columns: one string unless used otherwise, and never missing."""
    for feature in features.features.values():
        yield from feature.cross or ()
