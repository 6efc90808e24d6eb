"""Who reads which column of the data, and what they expect of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from shardline.configs.column import Column
from shardline.configs.columns import raw_columns
from shardline.configs.fault import ConfigPath, feature_part, number_part
from shardline.configs.schema import Feature, Job, Number


@dataclasses.dataclass(frozen=True)
class Use:
    """One part of a configuration that reads one column.

    Attributes:
        column: the name of the column.
        who: the part that reads it, such as "feature `tags`".
        config_path: where the configuration names the column.
        role: what it is read as: "ids", "cross", "weights", "number", "label",
            "example weight", "derived", "split" or "join".
        needed: what the column must hold; None if it may be anything.
        part: the feature or number that reads it.
    """

    column: str
    who: str
    config_path: ConfigPath
    role: str
    needed: Column | None = None
    part: Feature | Number | None = None

    @property
    def feature(self) -> Feature | None:
        """The feature, if it is one that reads."""
        return self.part if isinstance(self.part, Feature) else None


def uses_of(job: Job) -> list[Use]:
    """Returns every use of a raw column, in the order of the configuration."""
    needed = raw_columns(job, job.data.target)
    derived = job.derived.outputs if job.derived else {}
    return [
        dataclasses.replace(use, needed=needed.get(use.column))
        for use in _uses(job)
        if use.column not in derived
    ]


def _uses(job: Job) -> Iterator[Use]:
    for name, feature in job.features.items():
        yield from _feature_uses(name, feature)
    for name, number in job.numbers.items():
        who, path = number_part(name)
        column = number.column or name
        yield Use(column, who, (*path, "column"), "number", part=number)
    for column in job.derived.inputs if job.derived else ():
        yield Use(column, "derived", ("derived", "inputs", column), "derived")
    data = job.data
    yield Use(data.label, "label", ("data", "label"), "label")
    if data.example_weight:
        who = "example_weight"
        yield Use(data.example_weight, who, ("data", who), "example weight")
    for split, rule in data.files.held_out.items() if data.files else ():
        held_out = ("data", "files", "held_out", split, "column")
        if rule.column is not None:
            yield Use(rule.column, f"split `{split}`", held_out, "split")
    for join, side in data.files.join.items() if data.files else ():
        key = ("data", "files", "join", join, "key")
        yield Use(side.key, f"join `{join}`", key, "join")


def _feature_uses(name: str, feature: Feature) -> Iterator[Use]:
    who, path = feature_part(name)
    for column in feature.cross or ():
        yield Use(column, who, (*path, "cross"), "cross", part=feature)
    if not feature.cross:
        column = feature.column or name
        yield Use(column, who, (*path, "column"), "ids", part=feature)
    if feature.weights:
        yield Use(feature.weights, who, (*path, "weights"), "weights", part=feature)
