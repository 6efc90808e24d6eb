"""All that reading needs to know besides the location of the files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shardline.components.readers.files.joins.join import Join, joins_of
from shardline.components.readers.files.judging.bad_input import BadInput
from shardline.components.readers.files.spans.times import TimeRule
from shardline.configs.boundaries import boundary_of
from shardline.configs.column import Column
from shardline.configs.columns import raw_columns
from shardline.configs.data import Data, HeldOut
from shardline.configs.dialect import DEFAULT_DIALECT, Dialect
from shardline.configs.features import Features
from shardline.configs.spans import Spans

# What reads `data.files` as an ExampleReader; it imports Beam, which takes seconds.
FILE_READER = "shardline.components.readers.files.beam_reader.FileReader"

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ReadSettings:
    """How files of examples are read; picklable.

    Attributes:
        format: the format of the files.
        columns: what is given on, by column name.
        paired: (Weights column, ids column) that must have equal lengths.
        crossed: columns whose values are paired; a row's pairs are limited, too.
        label: the column that must hold 0 or 1.
        label_words: the numbers that words in its place stand for.
        positive_from: labels from this value on become 1, others 0.
        held_out: splits taken out of the rows, by name.
        times: the column of times, and the period that the rows shall be of; None if
            they have no time. Seconds since 1970 are given on, unless `columns` says
            what it holds.
        kept: further columns to give on as the file has them, one value a row or none.
        keys: columns of side files that hold the keys of their rows, or of other joins.
        split: name of the rows that no held-out split takes.
        dialect: how CSV is written.
        list_separator: between the values of a ragged cell of CSV.
        list_strip: whether blanks around strings in such a cell are cut off.
        on_bad_example: whether a bad row is an error or left out.
        on_bad_file: whether a file that is bad as a whole is an error or left out.
        max_bad_share: the largest share of rows that may be left out.
        max_values: a row with more than this in one column is bad.
        empty_files: whether files without rows need no word, as shards may be.
        must_have_columns: whether a column that no row of a split has is an error.
        joins: side files, whose rows are joined in this order.
    """

    format: Literal["tfrecord", "csv", "parquet"]
    columns: Mapping[str, Column]
    paired: Pairs = ()
    crossed: Pairs = ()
    label: str | None = None
    label_words: Mapping[str, float] = field(default_factory=dict)
    positive_from: float | None = None
    held_out: Mapping[str, HeldOut] = field(default_factory=dict)
    times: TimeRule | None = None
    kept: tuple[str, ...] = field(default=(), repr=False)
    keys: tuple[str, ...] = ()
    split: str = "train"
    dialect: Dialect = DEFAULT_DIALECT
    list_separator: str = "|"
    list_strip: bool = True
    on_bad_example: Literal["error", "skip"] = "error"
    on_bad_file: Literal["error", "skip"] = "error"
    # No row is read otherwise for it, so counts that are kept do not depend on it.
    max_bad_share: float = field(default=0.01, repr=False)
    max_values: int = 100_000
    empty_files: bool = False
    must_have_columns: bool = field(default=True, repr=False)
    joins: tuple[Join, ...] = ()

    def located(self, path: str) -> ReadSettings:
        """Returns the settings with the side files that there are below a path.

        Args:
            path: the folder, file or zip archive of the data.

        Raises:
            BadInputError: a join has no file.
        """
        joins = tuple(join.located(path) for join in self.joins)
        return dataclasses.replace(self, joins=joins)

    def of_split(self, split: str) -> ReadSettings:
        """Returns the settings for the files of a split; only "train" is split up."""
        held_out = self.held_out if split == "train" else {}
        return dataclasses.replace(self, split=split, held_out=held_out)

    def new_bad_input(self) -> BadInput:
        """Returns where to count what is bad."""
        return BadInput(self.on_bad_example, self.on_bad_file)

    def may_leave_out(self, bad: int, rows: int) -> bool:
        """Tells whether so many bad rows of a split may be left out.

        One row may, however few there are, unless `max_bad_share` is 0.
        """
        most = self.max_bad_share * rows
        return bad <= (max(1, most) if self.max_bad_share else 0)

    def has_words(self, column: str) -> bool:
        """Tells whether words of a column stand for numbers."""
        return column == self.label and bool(self.label_words)

    @property
    def label_dialect(self) -> Dialect:
        """How the files are written that hold the labels."""
        join = self.joined.get(self.label) if self.label is not None else None
        return (join.reading if join else self).dialect

    @property
    def looked_at(self) -> set[str]:
        """Columns that are read as the file has them, which no feature need read."""
        used = {*self.kept, *self.key_columns, *self.split_columns}
        return used | ({self.times.column} if self.times else set())

    @property
    def key_columns(self) -> set[str]:
        """Columns of the files themselves that hold keys of joins."""
        of_joins = {join.key for join in self.joins} - set(self.joined)
        return {*self.keys, *of_joins}

    @property
    def compared_as_numbers(self) -> set[str]:
        """Columns of the files that a held-out split compares with a number."""
        compared = {
            rule.column
            for rule in self.held_out.values()
            if rule.column is not None
            and rule.at_least is not None
            and boundary_of(rule.at_least).kind == "number"
        }
        return compared - set(self.joined)

    @property
    def drawn_by(self) -> set[str]:
        """Columns of the files themselves by whose values splits are drawn."""
        rules = self.held_out.values()
        drawn = {r.column for r in rules if r.column and r.fraction is not None}
        return drawn - set(self.joined)

    @property
    def split_columns(self) -> set[str]:
        """Columns that tell splits."""
        rules = self.held_out.values()
        return {rule.column for rule in rules if rule.column is not None}

    @property
    def joined(self) -> dict[str, Join]:
        """The columns that side files give, and which."""
        return {name: join for join in self.joins for name in join.columns}

    def is_text(self, name: str) -> bool:
        """Tells whether the numbers of a column are text where they are stored."""
        join = self.joined.get(name)
        return (join.reading if join else self).format == "csv"

    def has_cells(self, name: str) -> bool:
        """Tells whether a sample has a column as cells of CSV, not read yet."""
        return self.format == "csv" and name not in self.joined

    @property
    def own_columns(self) -> dict[str, Column]:
        """The columns that are given on from the files themselves."""
        joined = self.joined
        return {n: column for n, column in self.columns.items() if n not in joined}

    @property
    def draws_rows(self) -> bool:
        """Whether whole rows tell splits, for which all columns are read."""
        return any(rule.column is None for rule in self.held_out.values())

    @property
    def splitting(self) -> list[str]:
        """Columns to read that no feature and no target asks for."""
        return sorted(self.looked_at - set(self.columns) - set(self.joined))

    @property
    def wanted(self) -> list[str]:
        """All columns to read of the files themselves."""
        return [*self.own_columns, *self.splitting]


def settings_of(data: Data, features: Features) -> ReadSettings:
    """Returns the settings of `data.files`.

    Args:
        data: section `data` of a configuration.
        features: the features, whose columns are read.

    Raises:
        ValueError: the data come from a reader.
    """
    files = data.files
    if files is None:
        raise ValueError(
            f"data comes from reader `{data.reader}`, which says itself how it reads; "
            "expected `data.files`."
        )
    columns = raw_columns(features, data.target)
    settings = ReadSettings(
        format=files.format,
        columns=columns,
        paired=pairs_of(features, columns),
        crossed=crosses_of(features, columns),
        label=data.label,
        label_words=files.label_words,
        positive_from=files.positive_from,
        held_out=files.held_out,
        dialect=files.dialect,
        list_separator=files.list_separator,
        list_strip=files.list_strip,
        on_bad_example=files.on_bad_example,
        on_bad_file=files.on_bad_file,
        max_bad_share=files.max_bad_share,
        max_values=files.max_values,
    )
    return dataclasses.replace(settings, joins=joins_of(files, settings))


def reader_of(data: Data, features: Features) -> tuple[str, dict[str, Any]]:
    """Returns the import path and the options of the reader that data name.

    A reader of the user's own is told `data.spans.every`, if it is given, by an option
    `every`.

    Args:
        data: section `data` of a configuration, with files or with a reader.
        features: the features, whose columns files must hold.
    """
    if data.reader is not None:
        every = {"every": data.spans.every} if data.spans and data.spans.every else {}
        return data.reader, every | data.options
    assert data.files is not None  # the configuration has one of the two
    columns = raw_columns(features, data.target)
    spans = {"spans": _told_of(data.spans)} if data.spans else {}
    return FILE_READER, spans | {
        "files": data.files.model_dump(mode="json"),
        "columns": {
            name: {
                "dtype": column.dtype,
                "ragged": column.ragged,
                "optional": column.optional,
            }
            for name, column in columns.items()
        },
        "label": data.label,
        "paired": [list(pair) for pair in pairs_of(features, columns)],
    }


def _told_of(spans: Spans) -> dict[str, Any]:
    """Returns what a reader must know of spans; which ones to read is none of it."""
    return spans.model_dump(mode="json", include={"column", "every"})


def tfrecord_settings(
    columns: Mapping[str, Column],
    paired: Pairs = (),
    crossed: Pairs = (),
    *,
    must_have_columns: bool = True,
) -> ReadSettings:
    """Returns the settings for examples that a pipeline has written, some shards empty.

    Args:
        columns: what is given on, by column name.
        paired: (Weights column, ids column) that must have equal lengths.
        crossed: columns whose values are paired.
        must_have_columns: whether a column that no row of a split has is an error.
    """
    return ReadSettings(
        "tfrecord",
        columns,
        paired,
        crossed,
        empty_files=True,
        must_have_columns=must_have_columns,
    )


def pairs_of(features: Features, columns: Mapping[str, Column]) -> Pairs:
    """Returns the (weights column, ids column) pairs among columns."""
    pairs = {
        (feature.weights, feature.column or name)
        for name, feature in features.features.items()
        if feature.weights
    }
    return tuple(sorted(pair for pair in pairs if set(pair) <= set(columns)))


def crosses_of(features: Features, columns: Mapping[str, Column]) -> Pairs:
    """Returns the pairs of columns that features cross, of those that are read."""
    crosses = {f.cross for f in features.features.values() if f.cross}
    return tuple(sorted(pair for pair in crosses if set(pair) <= set(columns)))
