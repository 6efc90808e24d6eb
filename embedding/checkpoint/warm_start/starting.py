"""Begins the tables of an engine with those of a checkpoint.

The engine must be as it was made: rows that the checkpoint has nothing for stay so.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from shardline.embedding.checkpoint.sets.cut import PARAMETERS
from shardline.embedding.checkpoint.warm_start.errors import WarmStartError
from shardline.embedding.checkpoint.warm_start.means import write_means
from shardline.embedding.checkpoint.warm_start.row_map import RowMap
from shardline.embedding.checkpoint.warm_start.source import Source, SourceTable
from shardline.embedding.checkpoint.warm_start.transfer import TableTransfer
from shardline.embedding.tables.tracked_tables import TrackedTables


@dataclasses.dataclass(frozen=True)
class BegunTable:
    """How the rows of a table begin.

    Attributes:
        moved: rows that the checkpoint has, with their slots.
        copied: fresh rows with the parameters of another row.
        averaged: fresh rows with the mean of others.
        fresh: all other fresh rows.
        new_columns: columns that the checkpoint does not have; fresh in all rows.
    """

    moved: int
    copied: int
    averaged: int
    fresh: int
    new_columns: int


@dataclasses.dataclass(frozen=True)
class WarmStarted:
    """What a warm start did.

    Attributes:
        tables: those that have rows of the checkpoint, by name.
        fresh: tables of the engine that have none.
        left: tables of the checkpoint that were not read.
    """

    tables: Mapping[str, BegunTable]
    fresh: Sequence[str]
    left: Sequence[str]


def warm_start(
    engine: TrackedTables, source: Source, maps: Mapping[str, RowMap]
) -> WarmStarted:
    """Moves rows and slots of a checkpoint into the tables of a new engine.

    They move bit by bit, whatever hosts either has. A table that is wider than in the
    checkpoint keeps its further columns as they were made. Every row counts as touched
    afterwards.

    Args:
        engine: built, and as it was made.
        source: the checkpoint.
        maps: of each table that is to have rows of the checkpoint, where they come
            from.

    Raises:
        WarmStartError: if a map, or the width or slots of a table, do not fit; nothing
            is read then.
        SetDamagedError: if what is read is not what was written. Tables hold a part of
            it then.
        ValueError: likewise, of a checkpoint that is no set.
    """
    tables = engine._variables
    if not tables:
        raise WarmStartError("The engine is not built. Call `build` before.")
    for name, row_map in maps.items():
        check_table(source, name, tables.get(name))
        rows = int(tables[name][PARAMETERS].shape[0])
        row_map.check(name, rows, source.tables[name].rows)
    engine._retrieve_variables()
    engine.touch_all_rows()
    begun = {}
    for name, row_map in maps.items():
        TableTransfer(source, name, row_map).run(tables[name])
        dim = source.tables[name].dim
        if len(row_map.means.rows):
            write_means(tables[name][PARAMETERS], row_map.means, dim)
        begun[name] = _begun(row_map, int(tables[name][PARAMETERS].shape[1]) - dim)
    engine._load_variables()
    return WarmStarted(
        begun,
        sorted(tables.keys() - maps.keys()),
        sorted(source.tables.keys() - maps.keys()),
    )


def check_table(
    source: Source, name: str, tensors: Mapping[str, Any] | None
) -> SourceTable:
    """Returns a table of a checkpoint that a table of an engine can begin with.

    Args:
        source: the checkpoint.
        name: the table's name.
        tensors: the engine's variables of it, by "parameters" and the names of slots;
            None: it has none.

    Raises:
        WarmStartError: if it cannot.
    """
    held = source.tables.get(name)
    if tensors is None or held is None:
        where = "engine" if tensors is None else f"checkpoint {source.name}"
        raise WarmStartError(
            f"Table '{name}' is not in the {where}. Give maps of tables that both have."
        )
    dim = int(tensors[PARAMETERS].shape[1])
    if held.dim > dim:
        raise WarmStartError(
            f"Table '{name}' has {dim} columns, and {held.dim} in checkpoint "
            f"{source.name}: a narrower row says something else. Keep `dim`, widen it, "
            "or begin without the checkpoint."
        )
    slots = tuple(slot for slot in tensors if slot != PARAMETERS)
    if sorted(slots) != sorted(held.slots):
        raise WarmStartError(
            f"Table '{name}' has the slots {_listed(slots)}, and {_listed(held.slots)} "
            f"in checkpoint {source.name}: that is of another optimizer. Keep the "
            "optimizer, or begin without the checkpoint."
        )
    return held


def _begun(row_map: RowMap, new_columns: int) -> BegunTable:
    moved = row_map.moved
    copied, averaged = len(row_map.copies.rows), len(row_map.means.rows)
    fresh = len(row_map.sources) - moved - copied - averaged
    return BegunTable(moved, copied, averaged, fresh, new_columns)


def _listed(slots: Sequence[str]) -> str:
    return ", ".join(sorted(slots)) or "none"
