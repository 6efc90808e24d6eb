"""Rules between the names that `dialect.header` gives and the columns that are read."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shardline.configs.columns import column_uses, raw_columns, reader_of
from shardline.configs.data import Data
from shardline.configs.fault import Fault, Part, did_you_mean
from shardline.configs.features import Features
from shardline.configs.shown import shown


class _Use(NamedTuple):
    """A column that is read, and the key of the part that names it."""

    column: str
    part: Part
    key: str = ""


def header_faults(feature_set: Features, data: Data) -> Iterator[Fault]:
    """Yields columns that are read and that the header of no file has.

    Args:
        feature_set: the features and numbers.
        data: section `data`.
    """
    if data.files is None:
        return
    if header := data.files.dialect.header:
        joined = {name for side in data.files.join.values() for name in side.columns}
        uses = [*_of_features(feature_set, data), *_of_data(data)]
        yield from _missing([use for use in uses if use.column not in joined], header)
    for name, side in data.files.join.items():
        if side.dialect and side.dialect.header:
            part = Part(f"join `{name}`", ("data", "files", "join", name))
            key = "file_key" if side.file_key else "key"
            uses = [_Use(side.key_in_files, part, key)]
            uses += [_Use(there, part, "columns") for there in side.columns.values()]
            yield from _missing(uses, side.dialect.header)


def _of_features(feature_set: Features, data: Data) -> Iterator[_Use]:
    """Yields what features, numbers, label and weight read."""
    uses = {use.name: use for use in column_uses(feature_set, data.target)}
    for name in raw_columns(feature_set, data.target):
        if name in uses:
            yield _Use(name, uses[name].part, uses[name].key)
        else:  # of a cross alone
            yield _Use(name, reader_of(feature_set, name), "cross")


def _of_data(data: Data) -> Iterator[_Use]:
    """Yields what splits, joins and spans read."""
    assert data.files
    for name, rule in data.files.held_out.items():
        if rule.column:
            path = ("data", "files", "held_out", name)
            yield _Use(rule.column, Part(f"held-out split `{name}`", path), "column")
    for name, side in data.files.join.items():
        part = Part(f"join `{name}`", ("data", "files", "join", name))
        yield _Use(side.key, part, "key")
    if data.spans and data.spans.column:
        yield _Use(data.spans.column, Part("spans", ("data", "spans")), "column")


def _missing(uses: Sequence[_Use], header: Sequence[str]) -> Iterator[Fault]:
    for use in uses:
        if use.column not in header:
            yield use.part.fault(
                f"`dialect.header` has no column `{shown(use.column)}`",
                did_you_mean(use.column, header)
                or "name every column of the files there, in their order",
                key=use.key,
            )
