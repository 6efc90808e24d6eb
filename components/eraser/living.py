"""LivingVocabulary artifacts: an erased token leaves, and its row is free."""

import csv
import functools
import io
from pathlib import Path

import pyarrow as pa

from shardline.components.contracts.living_state import (
    changes_file,
    read_state,
    state_bytes,
    state_file,
    tokens_file,
)
from shardline.components.contracts.living_vocabulary import (
    TableChanges,
    load_vocabularies,
)
from shardline.components.eraser.report import Change
from shardline.components.eraser.scope import Scope
from shardline.components.eraser.swap import replace
from shardline.components.eraser.vocabulary_lines import free_lines
from shardline.components.pusher.files import file_digest


def erase_from_vocabularies(copy: Path, scope: Scope) -> Change:
    """Takes tokens out of living vocabularies: lines, counts and what changed.

    Args:
        copy: a copy of the folder of a LivingVocabulary.
        scope: what is erased.
    """
    said = load_vocabularies(str(copy))
    tables, change, erased = dict(said.tables), Change(), 0
    for name, of_table in said.tables.items():
        is_erased = functools.partial(scope.is_erased, name)
        freed = len(free_lines(copy / tokens_file(name), is_erased).erased)
        counted = _erase_counts(copy, name, scope)
        told = _erase_changes(copy / changes_file(name), name, scope)
        if freed or counted or told:
            erased += max(freed, counted)
            change += Change(tokens=max(freed, counted), lines=told)
            tables[name] = _renewed(copy, name, of_table, freed, counted)
    if change:
        said.model_copy(update={"tables": tables, "erased": said.erased + erased}).save(
            str(copy)
        )
    return change


def _renewed(
    copy: Path, name: str, said: TableChanges, freed: int, counted: int
) -> TableChanges:
    return said.model_copy(
        update={
            "live": said.live - freed,
            "free": said.free + freed,
            "waiting": said.waiting - max(0, counted - freed),
            "digest": file_digest(copy / tokens_file(name)).sha256,
            "state_digest": file_digest(copy / state_file(name)).sha256,
        }
    )


def _erase_counts(copy: Path, table: str, scope: Scope) -> int:
    """Takes tokens out of the counts of a table; returns how many."""
    state = read_state(str(copy), table)
    tokens = state.column("token").to_pylist()
    kept = [not scope.is_erased(table, token) for token in tokens]
    if not all(kept):
        left = state.filter(pa.array(kept, pa.bool_()))
        replace(copy / state_file(table), state_bytes(left))
    return kept.count(False)


def _erase_changes(file: Path, table: str, scope: Scope) -> int:
    """Takes tokens out of what came and went; returns how many lines."""
    header, *rows = rows_of_changes(file)
    place = header.index("token")
    kept = [row for row in rows if not scope.is_erased(table, row[place].encode())]
    if len(kept) < len(rows):
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerows([header, *kept])
        replace(file, written.getvalue().encode())
    return len(rows) - len(kept)


def evicted_rows(folder: Path, table: str, scope: Scope) -> list[int]:
    """Returns the rows that erased tokens had when they were evicted.

    Args:
        folder: of a LivingVocabulary.
        table: its name.
        scope: what is erased.
    """
    file = folder / changes_file(table)
    if not file.exists():
        return []
    header, *rows = rows_of_changes(file)
    of = [dict(zip(header, row, strict=True)) for row in rows]
    return sorted(
        int(one["row"])
        for one in of
        if one["change"] == "evicted" and scope.is_erased(table, one["token"].encode())
    )


def rows_of_changes(file: Path) -> list[list[str]]:
    """Returns the lines of a table's file of changes, its header first."""
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.reader(opened))
