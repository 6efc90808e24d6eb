"""All that a draft says: which table, label, split and inputs, each with its reason."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from shardline.components.drafter import evaluation, joining
from shardline.components.drafter.errors import DraftError
from shardline.components.drafter.found_files import Found, pattern_of
from shardline.components.drafter.inputs import Input, as_feature, input_of
from shardline.components.drafter.joining import Side
from shardline.components.drafter.names import words_of
from shardline.components.drafter.profiles import Profile
from shardline.components.drafter.roles import (
    Label,
    label_named,
    labels_of,
    labels_of_one_value,
    weight_of,
)
from shardline.components.drafter.tables import Table
from shardline.configs.shown import shown

_TRAIN = {"train", "training"}
_EVAL = {"eval", "evaluation", "test", "valid", "validation", "dev"}
_LARGEST_BATCH = 1024
# Columns of tables, for up to so many different values.
_DIMS = ((100, 8), (10_000, 16))
_LARGEST_DIM = 32


@dataclasses.dataclass(frozen=True)
class Choices:
    """What a draft says.

    Attributes:
        path: the data's path.
        examples: the table of the examples.
        splits: the pattern of files of each split.
        held_out: the rule of split `eval`; None if it has files of its own.
        sides: tables that are joined.
        label: the label.
        other_labels: what could be the label, too.
        other_times: columns of times that do not split.
        weight: the column of weights, if there is one.
        inputs: what becomes of all other columns.
        left_out: why files are none of the data, by name.
    """

    path: str
    examples: Table
    splits: Mapping[str, str]
    held_out: evaluation.HeldOutChoice | None
    sides: Sequence[Side]
    label: Label
    other_labels: Sequence[Label]
    other_times: Sequence[Profile]
    weight: Profile | None
    inputs: Sequence[Input]
    left_out: Mapping[str, str]

    @property
    def batch_size(self) -> int:
        """A power of two that is a small part of the training examples."""
        rows = max(2, self.examples.sample.all_rows)
        return max(1, min(_LARGEST_BATCH, 1 << int(math.log2(rows / 2) / 1.25)))

    @property
    def dim(self) -> int:
        """Columns of all tables, by the largest; the default model takes one dim."""
        distinct = max(one.profile.distinct for one in self.of_section("features"))
        return next((dim for most, dim in _DIMS if distinct <= most), _LARGEST_DIM)

    @property
    def bad_share(self) -> float:
        """The share of the examples that cannot be used, about."""
        label = self.label.profile
        return 1 - self.examples.regular * (1 - label.missing / label.rows)

    def of_section(self, section: str) -> list[Input]:
        """Returns the inputs of a section; "" has the columns that are left out."""
        return [one for one in self.inputs if one.section == section]


def choose(
    found: Found,
    tables: Sequence[Table],
    left_out: Mapping[str, str],
    label: str | None = None,
    time: str | None = None,
) -> Choices:
    """Chooses what a draft says.

    Args:
        found: the files.
        tables: what they hold.
        left_out: why some files are no tables.
        label: the column that somebody named as the label.
        time: the column that somebody named to split by.

    Raises:
        DraftError: there is no label, no column for a feature, or no such column.
    """
    examples = joining.examples_of(tables, label)
    others = [table for table in tables if table is not examples]
    sides, unjoined = joining.sides_of(examples, others)
    own = list(examples.profiles.values())
    candidates = [label_named(_named(examples, label))] if label else labels_of(own)
    if not candidates:
        raise DraftError(_no_label(examples))
    chosen = candidates[0]
    splits = _splits(found, examples)
    held_out = None if "eval" in splits else _held_out(chosen, examples, time)
    weight = weight_of([p for p in own if p is not chosen.profile])
    splitting = held_out.rule.get("column") if held_out else None
    used = {chosen.name, splitting, weight.name if weight else None}
    inputs = _inputs(examples, sides, used)
    sides = [kept for side in sides if (kept := side.of_columns(_read(inputs)))]
    times = evaluation.times_of(own)
    return Choices(
        found.path,
        examples,
        splits,
        held_out,
        sides,
        chosen,
        [] if label else [one for one in candidates if one is not chosen],
        [one for one in times if one.name != splitting],
        weight,
        inputs,
        {**left_out, **unjoined},
    )


def _read(inputs: Sequence[Input]) -> set[str]:
    return {one.profile.name for one in inputs if one.section}


def _named(table: Table, name: str) -> Profile:
    if name not in table.profiles:
        names = ", ".join(shown(one) for one in list(table.profiles)[:20])
        raise DraftError(
            f"{shown(table.names[0])} has no column `{shown(name)}`; it has {names}. "
            "Name one of these."
        )
    return table.profiles[name]


def _no_label(table: Table) -> str:
    single = labels_of_one_value(list(table.profiles.values()))
    if single:
        column = single[0]
        (value,) = column.counts
        return (
            f"{shown(table.names[0])}: column `{shown(column.name)}` seems to be the "
            f"label, and is {shown(str(value), 20)} in all {len(column.values):,} "
            "values of the sample. A label needs two values. Give files with both, "
            "such as examples that were shown and not chosen, or name another column "
            "by `--label`."
        )
    names = ", ".join(shown(name) for name in list(table.profiles)[:20])
    return (
        f"{shown(table.names[0])}: no column seems to be a label (0 and 1, two words "
        f"such as yes and no, a rating). It has {names or 'none'}. Name one by "
        "`--label`, which may hold any numbers or two words; or write one."
    )


def _held_out(
    label: Label, examples: Table, time: str | None
) -> evaluation.HeldOutChoice:
    others = [p for n, p in examples.profiles.items() if n != label.name]
    if time is not None:
        named = evaluation.times_of([_named(examples, time)])
        rule = evaluation.by_time(named[0], label) if named else None
        if rule is None:
            raise DraftError(
                f"`{shown(time)}` cannot split the examples: it must have a value in "
                "each row, and both labels before and after. Leave out `--time`."
            )
        return rule
    for profile in evaluation.times_of(others):
        if rule := evaluation.by_time(profile, label):
            return rule
    return evaluation.at_random(examples.sample.all_rows)


def _splits(found: Found, examples: Table) -> dict[str, str]:
    """Returns patterns for `train`, and for `eval` if names of files say so."""
    everything = {file.name for file in found.files}
    trains = [name for name in examples.names if _TRAIN & set(words_of(name))]
    evals = [name for name in examples.names if _EVAL & set(words_of(name))]
    if trains and evals and not set(trains) & set(evals):
        patterns = {
            split: pattern_of(names, sorted(everything - set(names)))
            for split, names in (("train", trains), ("eval", evals))
        }
        if all(patterns.values()):
            return {split: pattern or "" for split, pattern in patterns.items()}
    pattern = pattern_of(examples.names, sorted(everything - set(examples.names)))
    if pattern is None:
        raise DraftError(
            f"No pattern names {shown(examples.names[0])} and the "
            f"{len(examples.names) - 1:,} files like it, and no others. Put them into "
            "a folder of their own, and name that."
        )
    return {"train": pattern}


def _inputs(examples: Table, sides: Sequence[Side], used: set[Any]) -> list[Input]:
    is_whole = examples.sample.is_whole
    inputs = [
        input_of(profile, is_whole=is_whole)
        for name, profile in examples.profiles.items()
        if name not in used
    ]
    for side in sides:
        for here, there in side.columns.items():
            alone = input_of(side.table.profiles[there], is_whole=True)
            joined = side.profiles[here]
            if alone.section and joined.values:
                alone = input_of(joined, is_whole=is_whole, may_miss=True)
            inputs.append(dataclasses.replace(alone, profile=joined))
    if not any(one.section == "features" for one in inputs):
        numbers = [one for one in inputs if one.section == "numbers"]
        if not numbers:
            raise DraftError(
                f"{shown(examples.names[0])}: beside the label no column can be a "
                "feature. Write one that tells examples apart, such as a user."
            )
        inputs = [as_feature(o) if o is numbers[0] else o for o in inputs]
    return inputs
