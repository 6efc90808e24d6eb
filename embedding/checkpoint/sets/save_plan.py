"""What is to be saved, and as which kind of set."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from shardline.embedding.checkpoint.sets.cut import PARAMETERS, Cut
from shardline.embedding.checkpoint.sets.manifest import StoredTable
from shardline.embedding.checkpoint.sets.writer import Clock, SetWriter
from shardline.embedding.tables.tracked_tables import TrackedTables

_FLOAT_BYTES = 4
_ROW_NUMBER_BYTES = 8


@dataclasses.dataclass(frozen=True)
class SavePlan:
    """What is to be saved, as it was at the cut.

    Attributes:
        writer: of the set.
        cut: of the tables.
        tables: what the set is to hold of them.
        values: of everything that is no table, by name.
        state: what else the training needs to go on, as JSON has it.
        pinned: whether retention is to leave the set alone.
        clock: since when it is being saved.
        loads: how often the engine's tables had been given other values.
    """

    writer: SetWriter
    cut: Cut
    tables: Mapping[str, StoredTable]
    values: Mapping[str, tf.Tensor]
    state: Mapping[str, Any]
    pinned: bool
    clock: Clock
    loads: int


def as_json(state: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy of a training's state as it will be read from a manifest.

    Raises:
        TypeError: if JSON has no such values.
        ValueError: if it holds itself.
    """
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(state)))
    except TypeError as error:
        raise TypeError(
            f"The state of a training must be JSON, got {state!r}: {error}. Give "
            "numbers of Python in place of numpy's, and lists in place of arrays."
        ) from error
    return copy


def all_rows(engine: TrackedTables) -> dict[str, StoredTable]:
    """Returns what a full set holds of an engine's tables.

    Args:
        engine: built.
    """
    tables = {}
    for name, tensors in engine._variables.items():
        rows, dim = tensors[PARAMETERS].shape.as_list()
        slots = tuple(slot for slot in tensors if slot != PARAMETERS)
        tables[name] = StoredTable(rows, dim, slots, stored_rows=rows)
    return tables


def is_less(
    touched: Mapping[str, int] | None, tables: Mapping[str, StoredTable]
) -> bool:
    """Tells whether the rows that were touched take less room than all rows.

    Args:
        touched: how many of each table; None: nothing knows.
        tables: all rows.
    """
    if touched is None:
        return False
    differential = full = 0
    for name, table in tables.items():
        row_bytes = table.dim * _FLOAT_BYTES * (1 + len(table.slots))
        differential += touched[name] * (row_bytes + _ROW_NUMBER_BYTES)
        full += table.rows * row_bytes
    return differential < full
