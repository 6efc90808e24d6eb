"""Keys in the one form in which they are compared, and their hashes.

Whole numbers are one key however a format holds them: 17, 17.0 and the text 17. Other
text is kept as it is, such as an ISBN with its zeros.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from shardline.components.readers.files.columns.byte_arrays import stripped
from shardline.components.readers.files.columns.value_texts import is_text, value_texts

_WORD_BYTES = 8
# Floats below these hold each whole number.
_EXACT = {pa.float64(): 2.0**53, pa.float32(): 2.0**24, pa.float16(): 2.0**11}
_NUMBER_WITH_BLANKS = r"^\s*[+-]?[0-9]+(\.[0-9]*)?\s*$"


def key_texts(values: pa.Array) -> pa.Array:
    """Returns keys as they are compared: large binary.

    Args:
        values: of any type that has a text, without nulls.
    """
    if kinds.is_floating(values.type):
        values = _of_floats(values)
    texts = value_texts(values)
    without_blanks = stripped(texts)
    if without_blanks is texts:
        return texts
    is_number = pc.match_substring_regex(texts, _NUMBER_WITH_BLANKS)
    return pc.if_else(is_number, value_texts(without_blanks), texts)


def _of_floats(values: pa.Array) -> pa.Array:
    """Returns floats as text, whole ones without exponent."""
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    is_whole = (numbers == np.floor(numbers)) & (np.abs(numbers) < 2.0**53)
    whole = pa.array(np.where(is_whole, numbers, 0).astype(np.int64))
    texts = values.cast(pa.large_string())
    return pc.if_else(pa.array(is_whole), whole.cast(pa.large_string()), texts)


def are_inexact(values: pa.Array) -> np.ndarray:
    """Tells which values are floats that stand for several whole numbers.

    Returns:
        bool [values].
    """
    limit = _EXACT.get(values.type)
    if limit is None:
        return np.zeros(len(values), bool)
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(np.abs(numbers) >= limit)


def are_keys(values: pa.Array) -> np.ndarray:
    """Tells which values are keys, bool [values]: neither NaN nor empty text."""
    if kinds.is_floating(values.type):
        numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return np.asarray(~np.isnan(numbers))
    if kinds.is_null(values.type):
        return np.zeros(len(values), bool)
    if is_text(values.type):
        return np.asarray(pc.greater(pc.binary_length(values), 0), bool)
    return np.ones(len(values), bool)


def hashes_of(keys: pa.Array) -> np.ndarray:
    """Returns a hash of each key, uint64 [keys].

    Args:
        keys: large binary, without nulls.
    """
    _, offsets, data = keys.buffers()
    count = len(keys)
    bounds = np.frombuffer(offsets, np.int64)[keys.offset : keys.offset + count + 1]
    starts, lengths = bounds[:-1], np.diff(bounds)
    hashes = _mixed(lengths.astype(np.uint64))
    content = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
    for first in range(0, int(lengths.max(initial=0)), _WORD_BYTES):
        some = np.flatnonzero(lengths > first)
        words = _words(content, starts[some] + first, lengths[some] - first)
        hashes[some] = _mixed(hashes[some] ^ words)
    return hashes


def _words(content: np.ndarray, starts: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Returns up to eight bytes from each start on as one number, uint64 [starts]."""
    words = np.zeros(len(starts), np.uint64)
    for byte in range(_WORD_BYTES):
        is_there = left > byte
        places = np.where(is_there, starts + byte, 0)
        values = content[places].astype(np.uint64) * is_there
        words |= values << np.uint64(8 * byte)
    return words


def _mixed(hashes: np.ndarray) -> np.ndarray:
    """Mixes numbers by the finalizer of SplitMix64."""
    mixed = hashes + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: np.ndarray = mixed ^ (mixed >> np.uint64(31))
    return result
