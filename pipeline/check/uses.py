"""Who reads which column of the data, and what they expect of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from configs.column import Column
from configs.columns import raw_columns
from configs.schema import Feature, Job, Number
from pipeline.check.findings import Place


@dataclasses.dataclass(frozen=True)
class Use:
    """One part of a configuration that reads one column.

    Attributes:
        column: of the data.
        who: the part, such as "feature `tags`".
        place: of the part in the configuration.
        role: "ids", "cross", "weights", "number", "label", "example weight", "derived"
            or "split".
        needed: what the column must hold; None if it may be anything.
        part: the feature or number itself.
    """

    column: str
    who: str
    place: Place
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
    made = job.derived.outputs if job.derived else {}
    return [
        dataclasses.replace(use, needed=needed.get(use.column))
        for use in _uses(job)
        if use.column not in made
    ]


def _uses(job: Job) -> Iterator[Use]:
    for name, feature in job.features.items():
        yield from _feature_uses(name, feature)
    for name, number in job.numbers.items():
        yield Use(
            number.column or name,
            f"number `{name}`",
            ("numbers", name, "column"),
            "number",
            part=number,
        )
    if job.derived:
        for column in job.derived.inputs:
            place = ("derived", "inputs", column)
            yield Use(column, "derived", place, "derived")
    data = job.data
    yield Use(data.label, "label", ("data", "label"), "label")
    if data.example_weight:
        place = ("data", "example_weight")
        yield Use(data.example_weight, "example_weight", place, "example weight")
    if data.files:
        for split, rule in data.files.held_out.items():
            place = ("data", "files", "held_out", split, "column")
            yield Use(rule.column, f"split `{split}`", place, "split")


def _feature_uses(name: str, feature: Feature) -> Iterator[Use]:
    who = f"feature `{name}`"
    for column in feature.cross or ():
        place = ("features", name, "cross")
        yield Use(column, who, place, "cross", part=feature)
    if not feature.cross:
        place = ("features", name, "column")
        yield Use(feature.column or name, who, place, "ids", part=feature)
    if feature.weights:
        place = ("features", name, "weights")
        yield Use(feature.weights, who, place, "weights", part=feature)
