"""Which rows of split "train" make another split."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.types as kinds

from shardline.components.readers.files.columns.lists import Lists
from shardline.components.readers.files.columns.value_texts import (
    has_text,
    value_texts,
)
from shardline.components.readers.files.judging.bad_input import FileFault, RowFaults
from shardline.components.readers.files.splits.boundaries import (
    WORDS,
    misfit,
    reached,
)
from shardline.configs.boundaries import boundary_of
from shardline.configs.data import HeldOut
from shardline.configs.shown import shown

_HASH_BYTES = 8
_HASHES = 1 << 8 * _HASH_BYTES


def held_out_rows(
    held_out: Mapping[str, HeldOut],
    columns: Mapping[str, Lists],
    faults: RowFaults,
    row_texts: pa.Array | None = None,
) -> dict[str, np.ndarray]:
    """Returns the rows of each held-out split; none has a row of an earlier one.

    Args:
        held_out: the splits, in the order they are asked.
        columns: the values of the columns they look at, as the file has them.
        faults: where rows without exactly one value are marked.
        row_texts: the rows as `splits.row_texts` has them, if a rule names no column.

    Raises:
        FileFault: a column's type cannot be compared with what a rule gives.
    """
    taken: dict[str, np.ndarray] = {}
    is_free = np.ones(len(faults.good), bool)
    for split, rule in held_out.items():
        if rule.column is None:
            assert row_texts is not None  # as the settings draw rows
            is_taken = _drawn(split, rule, row_texts)
        else:
            is_taken = _taken_by(split, rule, rule.column, columns[rule.column], faults)
        taken[split] = is_taken & is_free & faults.good
        is_free &= ~is_taken
    return taken


def _taken_by(
    split: str, rule: HeldOut, column: str, values: Lists, faults: RowFaults
) -> np.ndarray:
    """Returns the rows that a split takes by the values of a column, bool [rows]."""
    _check_type(split, rule, column, values)
    _check_one(split, column, values, faults)
    if not len(values.values):
        return np.zeros(len(values.lengths), bool)
    # A row without a value is marked; it may point past the last.
    positions = np.minimum(values.offsets[:-1], len(values.values) - 1)
    is_taken: np.ndarray = _taken(split, rule, column, values, faults)[positions]
    return is_taken


def _check_type(split: str, rule: HeldOut, column: str, lists: Lists) -> None:
    """Refuses a column that no value of its type can tell the split by."""
    stored = lists.values.type
    holds = f"its column `{shown(column)}` holds {stored}, and "
    where = f"`data.files.held_out.{split}"
    if kinds.is_null(stored) and len(lists.lengths):
        raise FileFault(
            f"its column `{shown(column)}` holds nulls only, and tells split "
            f"`{split}`. Name another column in {where}`, or write its values."
        )
    if rule.at_least is not None:
        why = misfit(stored, rule.at_least, boundary_of(rule.at_least))
        if why:
            raise FileFault(f"{holds}{where}.at_least` is {why}")
    elif not has_text(stored):
        raise FileFault(
            f"{holds}{where}.fraction` draws by single values. Name a column of text, "
            "numbers, dates or times, or write it as one."
        )


def _check_one(split: str, column: str, values: Lists, faults: RowFaults) -> None:
    lengths = values.lengths
    faults.mark(
        np.flatnonzero(lengths != 1),
        f"column `{shown(column)}` has not one value to tell split `{split}` by",
        lambda row: f"it has {lengths[row]:,}",
        f"Name another column in `data.files.held_out.{split}`, or write one value.",
    )


def _taken(
    split: str, rule: HeldOut, column: str, lists: Lists, faults: RowFaults
) -> np.ndarray:
    """Returns for each value whether the split takes it."""
    if rule.fraction is not None:
        encoded = value_texts(lists.values).dictionary_encode()
        of_texts = _drawn(split, rule, encoded.dictionary)
        is_drawn: np.ndarray = of_texts[encoded.indices.to_numpy()]
        return is_drawn
    assert rule.at_least is not None  # the configuration has one of the two
    boundary = boundary_of(rule.at_least)
    is_reached, bad = reached(lists.values, boundary)
    what = WORDS[boundary.kind]
    write = f" {_WRITTEN[boundary.kind]}" if boundary.kind in _WRITTEN else ""
    faults.mark(
        lists.row_of(bad),
        f"column `{shown(column)}` does not hold the {what} that split `{split}` "
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


def _drawn(split: str, rule: HeldOut, texts: pa.Array) -> np.ndarray:
    """Draws texts by a hash that differs from split to split and seed to seed.

    Returns:
        Whether the split takes it, for each text, bool [texts].
    """
    assert rule.fraction is not None  # as the rule draws
    most = int(rule.fraction * _HASHES)
    # With seed 0 the name alone is the key.
    seeded = f"{rule.seed} {split}" if rule.seed else split
    key = seeded.encode()[: hashlib.blake2b.MAX_KEY_SIZE]
    return np.array([_hash(text, key) < most for text in texts.to_pylist()], bool)


def _hash(text: bytes, key: bytes) -> int:
    digest = hashlib.blake2b(text, digest_size=_HASH_BYTES, key=key)
    return int.from_bytes(digest.digest(), "little")
