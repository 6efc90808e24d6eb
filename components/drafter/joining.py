"""Which table holds the examples, and which have a row for each of their keys."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from shardline.components.drafter.names import clean_name, words_of
from shardline.components.drafter.profiles import Profile, profile_of, split
from shardline.components.drafter.roles import labels_of
from shardline.components.drafter.tables import Table
from shardline.components.readers.files.formats.csv.guessing.cell_kinds import Marks

_ENOUGH = 0.5  # of the examples, whose keys are in a side table that is known whole


@dataclasses.dataclass(frozen=True)
class Side:
    """A table with one row for each key of the examples.

    Attributes:
        name: of the join.
        table: the table.
        key: the column of the examples that holds the key.
        file_key: that of the table.
        found: the share of the sampled examples whose key is in its sample.
        columns: for each column of the examples' own the one of the table.
        profiles: what examples get in these, by their name there.
    """

    name: str
    table: Table
    key: str
    file_key: str
    found: float
    columns: Mapping[str, str]
    profiles: Mapping[str, Profile]

    def of_columns(self, names: Collection[str]) -> Side | None:
        """Returns it with these of its columns alone; None if it has none of them.

        Args:
            names: as the examples have them.
        """
        columns = {here: there for here, there in self.columns.items() if here in names}
        return dataclasses.replace(self, columns=columns) if columns else None


def examples_of(tables: Sequence[Table], label: str | None) -> Table:
    """Returns the table that holds the examples: the longest one with a label.

    Args:
        tables: at least one.
        label: the column that somebody named as the label.
    """

    def rank(table: Table) -> tuple[bool, int]:
        names = table.profiles
        has_label = label in names if label else bool(labels_of(list(names.values())))
        return has_label, table.sample.all_rows

    return max(tables, key=rank)


def sides_of(
    examples: Table, others: Sequence[Table]
) -> tuple[list[Side], dict[str, str]]:
    """Returns the tables that can be joined, and why others cannot.

    Args:
        examples: the table of the examples.
        others: the other tables.
    """
    sides: list[Side] = []
    left_out: dict[str, str] = {}
    taken = set(examples.profiles)
    for table in others:
        keys = _keys(examples, table)
        if not keys:
            left_out[table.names[0]] = (
                "has no column whose values are there once each and are those of a "
                "column of the examples"
            )
            continue
        found, key, file_key = max(keys)
        name = clean_name(_stem(table), {side.name for side in sides}, kind="side")
        side = _side(examples, table, name, (key, file_key, found), taken)
        taken |= set(side.columns)
        sides.append(side)
    return sides, left_out


def _keys(examples: Table, table: Table) -> list[tuple[float, str, str]]:
    """Returns (share of examples found, key, key in the files) of possible joins."""
    found = []
    for there in table.profiles.values():
        if not there.is_unique or there.missing or there.kind == "float":
            continue
        values = {str(value) for value in there.values}
        for here in examples.profiles.values():
            if here.is_list or not here.values or here.kind not in ("int", "text"):
                continue
            if not _may_be_one(here.name, there.name, _stem(table)):
                continue
            hits = sum(n for value, n in here.counts.items() if str(value) in values)
            share = hits / here.rows
            if share >= (_ENOUGH if table.sample.is_whole else 0) and hits:
                found.append((share, here.name, there.name))
    return found


def _may_be_one(here: str, there: str, stem: str) -> bool:
    """Tells whether names of columns may mean one key: movieId, and id of movies."""
    ours, theirs = "".join(words_of(here)), "".join(words_of(there))
    entity = "".join(words_of(stem)).rstrip("s")
    return ours == theirs or (
        theirs in ("id", "key", "code", "name") and ours in (entity, entity + theirs)
    )


def _stem(table: Table) -> str:
    return os.path.basename(table.names[0]).partition(".")[0]


def _side(
    examples: Table,
    table: Table,
    name: str,
    by: tuple[str, str, float],
    taken: set[str],
) -> Side:
    key, file_key, found = by
    rows = {_text(cell): i for i, cell in enumerate(table.sample.columns[file_key])}
    positions = [rows.get(_text(cell)) for cell in examples.sample.columns[key]]
    columns, profiles = {}, {}
    for column, profile in table.profiles.items():
        if column == file_key:
            continue
        here = column if column not in taken else f"{name}_{column}"
        if here in taken or not column.strip():
            continue
        columns[here] = column
        profiles[here] = _joined(here, profile, table, positions)
    return Side(name, table, key, file_key, found, columns, profiles)


def _joined(
    here: str, profile: Profile, table: Table, positions: Sequence[int | None]
) -> Profile:
    """Returns what examples get in a column of a side table."""
    cells = [_cell(profile, cell) for cell in table.sample.columns[profile.name]]
    dialect = table.dialect
    made = profile_of(
        here,
        [None if position is None else cells[position] for position in positions],
        Marks(dialect.decimal, dialect.thousands),
        is_time=profile.kind == "time",
    )
    # A few rows may hide what the whole table has.
    return dataclasses.replace(
        made, kind=profile.kind, is_list=profile.is_list, separator=profile.separator
    )


def _cell(profile: Profile, cell: Any) -> Any:
    is_cut = profile.separator and isinstance(cell, str)
    return split(cell, profile.separator) if is_cut else cell


def _text(cell: Any) -> str:
    return str(cell).strip()
