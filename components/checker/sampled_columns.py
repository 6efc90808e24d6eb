"""The columns of a sample, the values of its files put together where types allow."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from shardline.components.checker.column_sample import ColumnSample, class_of
from shardline.components.readers.files.columns.label_words import worded
from shardline.components.readers.files.columns.lists import Lists, joined, listed
from shardline.components.readers.files.formats.csv.lists import column_of_cells
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.sampling import Piece
from shardline.configs.column import Column

_COMMON = {"string": pa.large_binary(), "int64": pa.int64(), "float": pa.float64()}
_Part = tuple[str, Lists]  # of a file


def column_samples(
    pieces: Sequence[Piece],
    name: str,
    needed: Column | None,
    read_settings: ReadSettings,
) -> list[ColumnSample]:
    """Returns what a sample has in a column: one column sample for each stored type.

    A file that lacks the column has no values there.

    Args:
        pieces: the sample, from `readers.files.sampling`.
        name: the name of the column.
        needed: what it should hold.
        read_settings: how the files are read.

    Returns:
        The column samples; none at all if no file has the column.
    """
    is_worded = read_settings.has_words(name)
    is_text = read_settings.is_text(name) or is_worded
    are_cells = read_settings.has_cells(name)
    if not any(name in piece.batch.schema.names for piece in pieces):
        return []
    parts = []
    for piece in pieces:
        has_column = name in piece.batch.schema.names
        rows = piece.batch.num_rows
        array = piece.batch.column(name) if has_column else pa.nulls(rows)
        if has_column and are_cells:
            array = column_of_cells(array, needed, read_settings).values
        lists = listed(array)
        if is_worded:
            words, dialect = read_settings.label_words, read_settings.label_dialect
            lists = worded(lists, words, dialect)
        parts.append((piece.file, lists))
    return [
        ColumnSample(
            name,
            tuple((file, len(lists.lengths)) for file, lists in group),
            joined([lists for _, lists in group]),
            is_text,
            needed,
        )
        for group in _alike(parts, needed)
    ]


def _alike(parts: Sequence[_Part], needed: Column | None) -> list[list[_Part]]:
    """Groups the values of files so that those of a group have one type."""
    groups: dict[str, list[_Part]] = {}
    for file, lists in parts:
        groups.setdefault(class_of(lists.values.type), []).append((file, lists))
    if len(groups) > 1 and "nothing" in groups:
        nothing = groups.pop("nothing")
        next(iter(groups.values())).extend(nothing)
    if needed and needed.dtype == "float" and set(groups) == {"int64", "float"}:
        groups = {"float": groups["int64"] + groups["float"]}
    alike = []
    for kind, group in groups.items():
        try:
            alike.append(_of_one_type(group, kind))
        except pa.ArrowInvalid:
            alike += _by_type(group)
    return alike


def _by_type(group: list[_Part]) -> list[list[_Part]]:
    by_type: dict[str, list[_Part]] = {}
    for part in group:
        by_type.setdefault(str(part[1].values.type), []).append(part)
    return list(by_type.values())


def _of_one_type(group: list[_Part], kind: str) -> list[_Part]:
    """Returns values cast to one type.

    Raises:
        ArrowInvalid: there is no such type, as for uint64 beside int64.
    """
    if len({lists.values.type for _, lists in group}) == 1:
        return group
    wanted = _COMMON.get(kind)
    if wanted is None:
        raise pa.ArrowInvalid(kind)
    return [
        (file, lists._replace(values=lists.values.cast(wanted, safe=kind == "int64")))
        for file, lists in group
    ]
