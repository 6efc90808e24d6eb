"""Rules of what the published model calls the inputs that make columns."""

import json
from collections.abc import Iterator

from shardline.configs.columns import (
    may_be_input,
    model_inputs,
    raw_columns,
    reader_of,
)
from shardline.configs.fault import Fault, Part, did_you_mean
from shardline.configs.feature_rules import RESERVED
from shardline.configs.features import Features
from shardline.configs.shown import shown

_INPUTS = Part("inputs", ("inputs",))


def input_faults(feature_set: Features) -> Iterator[Fault]:
    """Yields names that no input can have, or two, and columns that no input makes.

    Args:
        feature_set: the features and numbers, and the names of inputs.
    """
    columns = raw_columns(feature_set)
    for column, name in feature_set.inputs.items():
        if column not in columns:
            yield _INPUTS.fault(
                f"no feature or number reads column `{shown(column)}`",
                _known_column(column, list(columns)),
                key=column,
            )
        elif name in RESERVED or not may_be_input(name):
            yield _INPUTS.fault(
                f"`{name}`, for column `{shown(column)}`, has another meaning here or "
                "in Python",
                f"give another name, such as `{name}_of_row`",
                key=column,
            )
    yield from _alike(feature_set)


def _known_column(column: str, columns: list[str]) -> str:
    there = f"the columns that are read are {', '.join(map(shown, sorted(columns)))}"
    return did_you_mean(column, columns) or there


def _alike(feature_set: Features) -> Iterator[Fault]:
    """Yields columns whose inputs would have one name."""
    makers: dict[str, str] = {}
    for name, column in raw_columns(feature_set).items():
        inputs = model_inputs(name, feature_set.inputs, ragged=column.ragged)
        for model_input in inputs:
            other = makers.setdefault(model_input, name)
            if other != name:
                part = reader_of(feature_set, name)
                if {name, other} <= set(feature_set.inputs):
                    part = _INPUTS
                yield part.fault(
                    f"the published model would call an input `{model_input}` for "
                    f"column `{shown(name)}` and for column `{shown(other)}`",
                    f"name them by `inputs`, such as {_suggested(feature_set, name)}",
                )
                break


def _suggested(feature_set: Features, column: str) -> str:
    """Returns the key `inputs` with another name for a column."""
    who, path = reader_of(feature_set, column)
    plain = path[-1] if who != "derived" else "column"
    taken = set(feature_set.inputs.values()) | set(raw_columns(feature_set))
    names = (plain, *(f"{plain}_{number}" for number in range(2, len(taken) + 3)))
    name = next(name for name in names if name not in taken)
    return f"`inputs: {{{json.dumps(column, ensure_ascii=False)}: {name}}}`"
