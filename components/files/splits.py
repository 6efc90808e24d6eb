"""Which rows of split "train" make another split."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from components.files.bad_input import FileFault, RowFaults
from components.files.canonical import Lists
from configs.data import HeldOut

_HASH_BYTES = 8
_HASHES = 1 << 8 * _HASH_BYTES
_INT64 = 1 << 63


def claimed(
    rules: Mapping[str, HeldOut], columns: Mapping[str, Lists], faults: RowFaults
) -> dict[str, np.ndarray]:
    """Returns the rows of each held-out split; what the first claims, no other has.

    Args:
        rules: The splits, in the order they are asked.
        columns: The values of the columns they look at.
        faults: Where rows without exactly one value are marked.

    Raises:
        FileFault: A column's type cannot be compared with what a rule gives.
    """
    claims: dict[str, np.ndarray] = {}
    is_free = np.ones(len(faults.good), bool)
    for split, rule in rules.items():
        values = columns[rule.column]
        _check_one(split, rule.column, values, faults)
        if not len(values.values):
            claims[split] = np.zeros(len(is_free), bool)
            continue
        # A row without a value is marked; it may point past the last.
        places = np.minimum(values.offsets[:-1], len(values.values) - 1)
        is_claimed = _claims(split, rule, values, faults)[places]
        claims[split] = is_claimed & is_free & faults.good
        is_free &= ~is_claimed
    return claims


def _check_one(split: str, column: str, values: Lists, faults: RowFaults) -> None:
    lengths = values.lengths
    faults.mark(
        np.flatnonzero(lengths != 1),
        f"column `{column}` has not one value to tell split `{split}` by",
        lambda row: f"it has {lengths[row]:,}",
        f"Name another column in `data.files.held_out.{split}`, or write one value.",
    )


def _claims(split: str, rule: HeldOut, lists: Lists, faults: RowFaults) -> np.ndarray:
    """Returns for each value whether the split claims it."""
    values = lists.values
    if rule.fraction is not None:
        return _drawn(split, values, rule.fraction)
    if isinstance(rule.at_least, str):
        if not (_is_text(values.type) or kinds.is_temporal(values.type)):
            raise FileFault(
                f"its column `{rule.column}` holds {values.type}, and "
                f"`data.files.held_out.{split}.at_least` is the text "
                f"{rule.at_least!r}. Give a number."
            )
        least = pa.scalar(rule.at_least.encode(), pa.large_binary())
        return np.asarray(pc.greater_equal(_text(values), least))
    assert rule.at_least is not None  # the configuration has one of the two
    if kinds.is_integer(values.type):
        least_int = min(max(math.ceil(rule.at_least), -_INT64), _INT64 - 1)
        return values.cast(pa.int64(), safe=False).to_numpy() >= least_int
    return _numbers(split, rule.column, lists, faults) >= rule.at_least


def _drawn(split: str, values: pa.Array, fraction: float) -> np.ndarray:
    """Draws values by a hash that differs from split to split.

    It is the same for a number and its text, so for the same rows in any format.
    """
    encoded = _text(values).dictionary_encode()
    most = int(fraction * _HASHES)
    is_drawn = [
        _hash(value, split.encode()) < most for value in encoded.dictionary.to_pylist()
    ]
    return np.array(is_drawn, bool)[encoded.indices.to_numpy()]


def _hash(value: bytes, split: bytes) -> int:
    key = split[: hashlib.blake2b.MAX_KEY_SIZE]
    digest = hashlib.blake2b(value, digest_size=_HASH_BYTES, key=key)
    return int.from_bytes(digest.digest(), "little")


def _numbers(split: str, column: str, lists: Lists, faults: RowFaults) -> np.ndarray:
    values = lists.values
    if not _is_text(values.type):
        if not kinds.is_floating(values.type) and not kinds.is_boolean(values.type):
            raise FileFault(
                f"its column `{column}` holds {values.type}, and "
                f"`data.files.held_out.{split}.at_least` is a number. Give text."
            )
        return values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    numbers = np.array([_float(value) for value in _text(values).to_pylist()])
    faults.mark(
        lists.row_of(np.flatnonzero(np.isnan(numbers))),
        f"column `{column}` does not hold the number that split `{split}` asks for",
        lambda row: f"it holds {lists.shown(row)}",
        f"Correct it, or `data.files.held_out.{split}`.",
    )
    return numbers


def _float(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _is_text(stored: pa.DataType) -> bool:
    return (
        kinds.is_large_binary(stored)
        or kinds.is_binary(stored)
        or kinds.is_string(stored)
        or kinds.is_large_string(stored)
    )


def _text(values: pa.Array) -> pa.Array:
    if not _is_text(values.type):
        values = values.cast(pa.large_string())
    return values.cast(pa.large_binary())
