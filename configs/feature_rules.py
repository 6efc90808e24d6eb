"""Rules between features and numbers: their names, their columns and their crosses."""

from collections.abc import Iterator

from shardline.configs.columns import (
    ColumnUse,
    column_uses,
    derived_uses,
    feature_columns,
    lookup_inputs,
    may_be_input,
)
from shardline.configs.fault import Fault, Part, feature_part, number_part
from shardline.configs.features import Features
from shardline.configs.shown import shown

# Names that the transformed examples and the published model use themselves.
RESERVED = {"example_weight", "examples", "scores"}


def name_faults(feature_set: Features) -> Iterator[Fault]:
    """Yields names that are taken, and those that the published model would join."""
    for name in feature_set.numbers:
        if name in feature_set.features:
            part = number_part(name)
            yield Fault(
                part.config_path,
                f"{part.who} has the name of a feature",
                "rename one of the two",
            )
    for name, feature in feature_set.features.items():
        if not (feature.is_ragged or may_be_input(name)):
            yield feature_part(name).fault(
                f"the published model's `lookup` cannot have an input `{name}`, a word "
                "of Python",
                f"rename it, and give `column: {name}`",
            )
    for part, name in _parts(feature_set):
        if name in RESERVED:
            yield Fault(
                part.config_path,
                f"{part.who} has a name that has another meaning here "
                f"({', '.join(sorted(RESERVED))})",
                f"rename it, and give `column: {name}`",
            )
    yield from _lookup_inputs(feature_set)


def _parts(feature_set: Features) -> Iterator[tuple[Part, str]]:
    """Yields features and numbers with their names."""
    for name in feature_set.features:
        yield feature_part(name), name
    for name in feature_set.numbers:
        yield number_part(name), name


def _lookup_inputs(feature_set: Features) -> Iterator[Fault]:
    features: dict[str, str] = {}
    for name, feature in feature_set.features.items():
        for lookup_input in lookup_inputs(
            name, ragged=feature.is_ragged, weighted=feature.weights is not None
        ):
            other = features.setdefault(lookup_input, name)
            if other != name:
                yield feature_part(name).fault(
                    f"the published model's `lookup` would call an input "
                    f"`{lookup_input}` for it and for feature `{other}`",
                    "rename one of the two",
                )


def column_conflicts(feature_set: Features) -> Iterator[Fault]:
    """Yields columns that two parts of a feature set say different things of."""
    first_uses: dict[str, ColumnUse] = {}
    for use in [*derived_uses(feature_set), *column_uses(feature_set)]:
        first = first_uses.setdefault(use.name, use)
        column, other = use.column, first.column
        if (other.dtype, other.ragged) != (column.dtype, column.ragged):
            yield use.part.fault(
                f"column `{shown(use.name)}` holds {column} here, and {other} for "
                f"{first.part.who}",
                "it can be one of the two only",
                key=use.key,
            )


def cross_faults(feature_set: Features) -> Iterator[Fault]:
    """Yields crosses of columns that do not cross, or not in the way that is said."""
    columns = feature_columns(feature_set)
    for name, feature in feature_set.features.items():
        if not feature.cross:
            continue
        part = feature_part(name)
        crossed = [columns[column] for column in feature.cross]
        if feature.default is not None and not feature.is_ragged:
            message = "a pair is never missing"
            yield part.fault(message, "leave out `default`", key="default")
        for user in _may_miss(feature_set, feature.cross):
            yield user.fault(
                "what stands in for a missing value has no meaning, for feature "
                f"`{name}` crosses its column, which may not be missing"
            )
        for column, held in zip(feature.cross, crossed, strict=True):
            if held.dtype == "float":
                message = f"floats, as in column `{shown(column)}`, do not cross"
                yield part.fault(message, key="cross")
        if any(column.ragged for column in crossed) != feature.is_ragged:
            yield part.fault(
                f"it crosses {crossed[0]} with {crossed[1]}",
                ("leave out" if feature.is_ragged else "give")
                + " `combiner` or `max_sequence_length`",
            )


def _may_miss(feature_set: Features, columns: tuple[str, str]) -> Iterator[Part]:
    """Yields what reads one of some columns and takes missing values there."""
    for name, feature in feature_set.features.items():
        is_single = not feature.is_ragged and not feature.cross
        if is_single and feature.default is not None:
            if (feature.column or name) in columns:
                yield feature_part(name)
    for name, number in feature_set.numbers.items():
        if number.missing != "error" and (number.column or name) in columns:
            yield number_part(name)
