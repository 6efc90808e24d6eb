"""Cells of CSV that hold lists: parts between separators, stripped of blanks.

An empty part is no value, so a cell of separators only is an empty list. The rule is
the same whatever the values are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.readers.files.columns.byte_arrays import stripped
from shardline.components.readers.files.columns.lists import offsets_of
from shardline.components.readers.files.formats.csv.numbers import (
    has_plain_numbers,
    plain_numbers,
)
from shardline.components.readers.files.judging.bad_input import RowFaults
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.configs.column import Column
from shardline.configs.shown import quoted, shown

_SHOWN = 60  # characters of a value


class OfCells(NamedTuple):
    """What cells hold.

    Attributes:
        values: of each cell one, null where it is missing; or a list.
        parts: the parts that lists are of; None for single values.
        unfit: the first number of a cell that is not written as the dialect has it.
    """

    values: pa.Array
    parts: Parts | None
    unfit: dict[int, bytes]


class Parts(NamedTuple):
    """The parts of cells: cell i has values[offsets[i]:offsets[i + 1]].

    Attributes:
        offsets: int64 [cells + 1].
        values: stripped, some of them empty.
        is_value: which are not empty, bool [parts].
    """

    offsets: np.ndarray
    values: pa.Array
    is_value: np.ndarray

    def lists(self) -> pa.Array:
        """Returns the values of each cell, empty parts left out."""
        offsets, values = self.offsets, self.values
        if not self.is_value.all():
            offsets = offsets_of(self.is_value)[offsets]
            values = values.filter(pa.array(self.is_value))
        return pa.LargeListArray.from_arrays(pa.array(offsets), values)

    def shown(self, cell: int, position: int) -> str:
        """Shows one part of a cell, for messages."""
        at = int(self.offsets[cell]) + position
        if at >= self.offsets[cell + 1] or not self.is_value[at]:
            return "nothing"
        return quoted(self.values[at].as_py(), _SHOWN)


def parts_of(
    cells: pa.Array, separator: str, missing: tuple[str, ...], *, is_stripped: bool
) -> Parts:
    """Cuts cells into parts.

    Args:
        cells: large binary, null where there is nothing.
        separator: between the parts, of one or several characters.
        missing: parts that are no value, besides empty ones.
        is_stripped: whether blanks around a part are cut off.
    """
    cut = pc.split_pattern(cells, separator)
    lengths = pc.fill_null(pc.list_value_length(cut), 0)
    values = cut.flatten()
    values = stripped(values) if is_stripped else values
    is_value = np.asarray(_is_full(values, missing))
    return Parts(offsets_of(np.asarray(lengths)), values, is_value)


def column_of_cells(
    cells: pa.Array, column: Column | None, settings: ReadSettings
) -> OfCells:
    """Returns cells as what a column holds, text still, numbers plain.

    Args:
        cells: large binary.
        column: what it holds; None if it may be anything.
        settings: how lists are cut and numbers written, and what is missing.
    """
    is_number = column is not None and column.dtype != "string"
    missing = settings.dialect.missing
    if column is None or not column.ragged:
        if is_number:
            return numbers_of_cells(cells, settings)
        return OfCells(full(cells, missing), None, {})
    parts = parts_of(
        full(cells, missing),
        settings.list_separator,
        missing,
        is_stripped=settings.list_strip or is_number,
    )
    if not is_number:
        return OfCells(parts.lists(), parts, {})
    numbers = plain_numbers(parts.values, settings.dialect)
    rows = np.searchsorted(parts.offsets, numbers.unfit, side="right") - 1
    unfit = _first(rows, parts.values, numbers.unfit)
    parts = parts._replace(values=numbers.values)
    return OfCells(parts.lists(), parts, unfit)


def numbers_of_cells(cells: pa.Array, settings: ReadSettings) -> OfCells:
    """Returns cells that hold one number each, text still, as plain ones.

    Args:
        cells: large binary.
        settings: how numbers are written, and what is missing.
    """
    values = full(stripped(cells), settings.dialect.missing)
    numbers = plain_numbers(values, settings.dialect)
    unfit = _first(numbers.unfit, values, numbers.unfit)
    return OfCells(numbers.values, None, unfit)


def keys_of_cells(cells: pa.Array, settings: ReadSettings) -> pa.Array:
    """Returns cells as keys of joins, whatever else reads them: numbers are plain.

    Args:
        cells: large binary.
        settings: how numbers are written, and what is missing.

    Returns:
        Large binary, null where there is no key.
    """
    values = full(cells, settings.dialect.missing)
    if has_plain_numbers(settings.dialect):
        return values
    bare = stripped(values)
    plain = plain_numbers(bare, settings.dialect).values
    return pc.if_else(pc.equal(plain, bare), values, plain)


def _first(
    rows: np.ndarray, values: pa.Array, positions: np.ndarray
) -> dict[int, bytes]:
    """Returns the first of some values that each row has."""
    if not len(rows):
        return {}
    firsts, index = np.unique(rows, return_index=True)
    shown = values.take(pa.array(positions[index], pa.int64())).to_pylist()
    return dict(zip(firsts.tolist(), shown, strict=True))


def full(cells: pa.Array, missing: tuple[str, ...]) -> pa.Array:
    """Returns large binary cells, those that are empty or missing words null."""
    return pc.if_else(_is_full(cells, missing), cells, pa.scalar(None, cells.type))


def _is_full(values: pa.Array, missing: tuple[str, ...]) -> pa.Array:
    is_full = pc.greater(pc.binary_length(values), 0)
    if not missing:
        return is_full
    words = pa.array([word.encode() for word in missing], values.type)
    return pc.and_not(is_full, pc.is_in(values, value_set=words))


def check_positions(
    weights: str, ids: str, parts: dict[str, Parts], faults: RowFaults
) -> None:
    """Marks rows whose weights are not at the positions of their ids.

    What is left of `a||b` and `1|2|` would be as many, and the weight of nothing would
    be that of `b`.

    Args:
        weights: a column of weights.
        ids: the column of what they weight.
        parts: the parts of both columns.
        faults: where rows are marked.
    """
    if all(parts[name].is_value.all() for name in (weights, ids)):
        return
    given, expected = _positions(parts[weights]), _positions(parts[ids])
    is_even = given.counts == expected.counts  # other rows are bad by their counts
    weight_positions = given.positions[np.repeat(is_even, given.counts)]
    id_positions = expected.positions[np.repeat(is_even, expected.counts)]
    rows = np.repeat(np.flatnonzero(is_even), given.counts[is_even])
    differing = np.flatnonzero(weight_positions != id_positions)
    uneven, first = np.unique(rows[differing], return_index=True)
    positions = np.minimum(weight_positions, id_positions)[differing[first]]
    position_of = dict(zip(uneven.tolist(), positions.tolist(), strict=True))
    faults.mark(
        uneven,
        f"column `{shown(weights)}` has weights at other places than column "
        f"`{shown(ids)}` has ids",
        lambda row: (
            f"at place {position_of[row] + 1} the weight is "
            f"{parts[weights].shown(row, position_of[row])} and the id "
            f"{parts[ids].shown(row, position_of[row])}"
        ),
        "Write one weight for each id, in the same order.",
    )


class _Positions(NamedTuple):
    counts: np.ndarray  # of values, int64 [cells]
    positions: np.ndarray  # of each value in its cell, int64 [values]


def _positions(parts: Parts) -> _Positions:
    before = offsets_of(parts.is_value)
    counts = np.diff(before[parts.offsets])
    starts = np.repeat(parts.offsets[:-1], np.diff(parts.offsets))
    positions = (np.arange(len(parts.is_value)) - starts)[parts.is_value]
    return _Positions(counts, positions)
