"""The columns of a sample, the values of its files put together where types allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.files.canonical import Lists, listed
from components.files.sampling import Piece
from configs.column import Column
from pipeline.check.seen import Seen, class_of

_COMMON = {"string": pa.large_binary(), "int64": pa.int64(), "float": pa.float64()}
_Part = tuple[str, Lists]  # of a file


def seen_in(
    pieces: Sequence[Piece], name: str, needed: Column | None, separator: str
) -> list[Seen]:
    """Returns what a sample has in a column: one for each type that files have it in.

    None if no file has it. A file that lacks it has nothing there.

    Args:
        pieces: from `components.files.sampling.sample`.
        name: of the column.
        needed: what it should hold.
        separator: between the values of a ragged cell, if the files are CSV; else "".
    """
    is_list = needed is not None and needed.ragged
    if not any(name in piece.batch.schema.names for piece in pieces):
        return []
    parts = []
    for piece in pieces:
        is_there = name in piece.batch.schema.names
        array = piece.batch.column(name) if is_there else pa.nulls(piece.batch.num_rows)
        cells = _cells(array, separator, is_list=is_list) if is_there else array
        parts.append((piece.file, listed(cells)))
    return [
        Seen(
            name,
            tuple((file, len(lists.lengths)) for file, lists in group),
            _together([lists for _, lists in group]),
            bool(separator),
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
        ArrowInvalid: if there is none, as for uint64 beside int64.
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


def _cells(array: pa.Array, separator: str, *, is_list: bool) -> pa.Array:
    if not separator:
        return array
    is_full = pc.greater(pc.binary_length(array), 0)
    cells = pc.if_else(is_full, array, pa.scalar(None, array.type))
    return pc.split_pattern(cells, separator) if is_list else cells


def _together(parts: Sequence[Lists]) -> Lists:
    """Joins the values of files, which are of one type."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(lists.values) for lists in parts[:-1])])
    offsets = [
        lists.offsets[1:] + start for lists, start in zip(parts, starts, strict=True)
    ]
    return Lists(
        np.concatenate([[0], *offsets]),
        pa.concat_arrays([lists.values for lists in parts]),
        np.concatenate([lists.holed for lists in parts]),
    )
