"""Which rows of split "train" make another split."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from shardline.components.readers.files.columns.lists import Lists
from shardline.components.readers.files.judging.bad_input import FileFault, RowFaults
from shardline.components.readers.files.splits.boundaries import (
    WORDS,
    is_text,
    misfit,
    reached,
)
from shardline.configs.boundaries import boundary_of
from shardline.configs.data import HeldOut
from shardline.configs.shown import shown

_HASH_BYTES = 8
_HASHES = 1 << 8 * _HASH_BYTES
_WHOLE_SECOND = r"(:[0-9]{2})\.0+"
_DECIMAL = r"^[+-]?[0-9]+\.[0-9]*$"


def held_out_rows(
    held_out: Mapping[str, HeldOut], columns: Mapping[str, Lists], faults: RowFaults
) -> dict[str, np.ndarray]:
    """Returns the rows of each held-out split; none has a row of an earlier one.

    Args:
        held_out: the splits, in the order they are asked.
        columns: the values of the columns they look at, as the file has them.
        faults: where rows without exactly one value are marked.

    Raises:
        FileFault: a column's type cannot be compared with what a rule gives.
    """
    taken: dict[str, np.ndarray] = {}
    is_free = np.ones(len(faults.good), bool)
    for split, rule in held_out.items():
        values = columns[rule.column]
        _check_type(split, rule, values)
        _check_one(split, rule.column, values, faults)
        if not len(values.values):
            taken[split] = np.zeros(len(is_free), bool)
            continue
        # A row without a value is marked; it may point past the last.
        positions = np.minimum(values.offsets[:-1], len(values.values) - 1)
        is_taken = _taken(split, rule, values, faults)[positions]
        taken[split] = is_taken & is_free & faults.good
        is_free &= ~is_taken
    return taken


def _check_type(split: str, rule: HeldOut, lists: Lists) -> None:
    """Refuses a column that no value of its type can tell the split by."""
    stored = lists.values.type
    holds = f"its column `{shown(rule.column)}` holds {stored}, and "
    where = f"`data.files.held_out.{split}"
    if kinds.is_null(stored) and len(lists.lengths):
        raise FileFault(
            f"its column `{shown(rule.column)}` holds nulls only, and tells split "
            f"`{split}`. Name another column in {where}`, or write its values."
        )
    if rule.at_least is not None:
        why = misfit(stored, rule.at_least, boundary_of(rule.at_least))
        if why:
            raise FileFault(f"{holds}{where}.at_least` is {why}")
    elif not _is_drawable(stored):
        raise FileFault(
            f"{holds}{where}.fraction` draws by single values. Name a column of text, "
            "numbers, dates or times, or write it as one."
        )


def _is_drawable(stored: pa.DataType) -> bool:
    try:
        pa.array([], stored).cast(pa.large_string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return is_text(stored)
    return True


def _check_one(split: str, column: str, values: Lists, faults: RowFaults) -> None:
    lengths = values.lengths
    faults.mark(
        np.flatnonzero(lengths != 1),
        f"column `{shown(column)}` has not one value to tell split `{split}` by",
        lambda row: f"it has {lengths[row]:,}",
        f"Name another column in `data.files.held_out.{split}`, or write one value.",
    )


def _taken(split: str, rule: HeldOut, lists: Lists, faults: RowFaults) -> np.ndarray:
    """Returns for each value whether the split takes it."""
    if rule.fraction is not None:
        return _drawn(split, lists.values, rule.fraction)
    assert rule.at_least is not None  # the configuration has one of the two
    boundary = boundary_of(rule.at_least)
    is_reached, bad = reached(lists.values, boundary)
    what = WORDS[boundary.kind]
    write = f" {_WRITTEN[boundary.kind]}" if boundary.kind in _WRITTEN else ""
    faults.mark(
        lists.row_of(bad),
        f"column `{shown(rule.column)}` does not hold the {what} that split `{split}` "
        "asks for",
        lambda row: f"it holds {lists.shown(row)}",
        f"Correct it, or `data.files.held_out.{split}`.{write}",
    )
    return is_reached


_WRITTEN = {
    "moment": "Dates and times are written as 2024-09-30 or 2024-09-30 12:30:00; a "
    "number is a boundary for numbers.",
    "text": "Text is compared by single characters, where 10 comes before 9: write its "
    "numbers with as many digits as the boundary has, or name a column of numbers.",
    "clock": "Times of day are written as 12:30 or 12:30:00.",
}


def _drawn(split: str, values: pa.Array, fraction: float) -> np.ndarray:
    """Draws values by a hash that differs from split to split.

    It is the same for a number and its text, so for the same rows in any format.
    """
    encoded = _text(values).dictionary_encode()
    most = int(fraction * _HASHES)
    is_drawn = [
        _hash(value, split.encode()) < most for value in encoded.dictionary.to_pylist()
    ]
    flags: np.ndarray = np.array(is_drawn, bool)[encoded.indices.to_numpy()]
    return flags


def _hash(value: bytes, split: bytes) -> int:
    key = split[: hashlib.blake2b.MAX_KEY_SIZE]
    digest = hashlib.blake2b(value, digest_size=_HASH_BYTES, key=key)
    return int.from_bytes(digest.digest(), "little")


def _text(values: pa.Array) -> pa.Array:
    """Returns values as text: 0.50 and 17.0 as 0.5 and 17, as floats are written."""
    if not is_text(values.type):
        values = values.cast(pa.large_string())
        # What is a whole second has no fraction in other files.
        values = pc.replace_substring_regex(values, _WHOLE_SECOND, r"\1")
    text = values.cast(pa.large_binary())
    is_decimal = pc.match_substring_regex(text, _DECIMAL)
    if not pc.any(is_decimal).as_py():
        return text
    short = pc.replace_substring_regex(text, r"\.?0*$", "")
    return pc.if_else(is_decimal, short, text)
