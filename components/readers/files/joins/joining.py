"""Examples joined on the left to the rows of side files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from shardline.components.readers.files.joins.joined_rows import JoinedRows
from shardline.components.readers.files.joins.row_keys import row_keys
from shardline.components.readers.files.joins.side_table import SideTable
from shardline.components.readers.files.judging.bad_input import (
    BadInput,
    BadInputError,
    RowFaults,
)
from shardline.components.readers.files.judging.unmatched import FIRST_KEYS
from shardline.components.readers.files.raw_batch import RawBatch
from shardline.configs.shown import escaped, shown


def with_joined(raw: RawBatch, tables: Sequence[SideTable], bad: BadInput) -> RawBatch:
    """Returns examples with the columns of side files.

    Args:
        raw: the examples; those that are bad by now are not counted.
        tables: the side files, in the order in which they are joined.
        bad: where examples without a row are counted.

    Raises:
        BadInputError: a column of the examples has the name of a joined one.
        FileFault: keys are of a type that none can be of.
    """
    if tables:
        _check_names(raw, tables)
    for table in tables:
        raw = _joined(raw, table, bad)
    return raw


def _check_names(raw: RawBatch, tables: Sequence[SideTable]) -> None:
    there = set(raw.header or (raw.names() if raw.names else ()))
    for table in tables:
        for name, column in table.join.columns.items():
            if name in there:
                file = escaped(raw.faults.place_of(0)[0], keep="")
                key = f"{table.join.config_key}.columns"
                raise BadInputError(
                    f"{file}: it has a column `{shown(name)}`, and `{key}` joins "
                    "another one of that name. Give that another name: "
                    f"`{key}: {{{table.join.name}_{name}: {column}}}`."
                )


def _joined(raw: RawBatch, table: SideTable, bad: BadInput) -> RawBatch:
    rows = _rows(raw, table)
    _count(rows, raw.faults, bad)
    taken = pa.array(rows.rows, mask=rows.rows < 0)
    columns, stored, keys = dict(raw.columns), dict(raw.stored), dict(raw.keys)
    joined, text = dict(raw.joined), set(raw.text)
    for name, there in table.join.columns.items():
        columns[name] = table.columns[there].take(taken)
        joined[name] = rows
        if there in table.stored:
            stored[name] = table.stored[there].take(taken)
        if there in table.keys:
            keys[name] = table.keys[there].take(taken)
        if there in table.text:
            text.add(name)
    return dataclasses.replace(
        raw, columns=columns, stored=stored, keys=keys, joined=joined, text=text
    )


def _rows(raw: RawBatch, table: SideTable) -> JoinedRows:
    """Finds the rows of examples."""
    keys = row_keys(table.join.key, raw, table.join.config_key)
    encoded = keys.dictionary_encode()
    found = np.append(table.index.find(encoded.dictionary), -1)
    codes = encoded.indices.fill_null(len(found) - 1).to_numpy()
    return JoinedRows(table.join.name, keys, found[codes])


def _count(rows: JoinedRows, faults: RowFaults, bad: BadInput) -> None:
    is_null = rows.keys.is_null().to_numpy(zero_copy_only=False)
    without_row = np.flatnonzero((rows.rows < 0) & ~is_null & faults.good)
    without_key = int(np.count_nonzero(is_null & faults.good))
    told: list[tuple[str, int, str]] = []
    # To find the lines of rows takes longer than to join them.
    if len(without_row) and bad.unmatched.may_name(rows.join, *faults.start):
        told = _first_keys(rows, without_row, faults)
    bad.unmatched.add(rows.join, len(without_row), without_key, told)


def _first_keys(
    rows: JoinedRows, without_row: np.ndarray, faults: RowFaults
) -> list[tuple[str, int, str]]:
    """Returns the first keys that no row has, each (file, number in it, key)."""
    keys = rows.keys.take(pa.array(without_row)).dictionary_encode()
    _, first = np.unique(keys.indices.to_numpy(), return_index=True)
    return [
        (*faults.place_of(int(without_row[place])), _text(keys[int(place)].as_py()))
        for place in np.sort(first)[:FIRST_KEYS]
    ]


def _text(key: bytes) -> str:
    return key.decode(errors="backslashreplace")
