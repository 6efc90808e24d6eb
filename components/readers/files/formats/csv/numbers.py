"""Numbers of CSV with a decimal comma or marks between thousands, as plain text.

Text that fits is rewritten to what every reader of numbers takes: `1.234,56` becomes
`1234.56`. Marks of thousands must stand before groups of three digits. Other text that
looks like a number is of another dialect; it is told, and never guessed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardline.components.readers.files.columns.byte_arrays import content_of
from shardline.configs.dialect import Dialect

# Characters that look alike, and are written for one another.
_ALIKE = (" \u00a0\u2009\u202f", "'\u2019")
_EXPONENT = "(?:[eE][+-]?[0-9]+)?"
_ANY = (".", ",", "_", *"".join(_ALIKE))


class Numbers(NamedTuple):
    """Values that were text of numbers.

    Attributes:
        values: large binary, plain where the text fits the dialect, else as it was.
        unfit: the positions of numbers that are written in another way, int64 [any].
    """

    values: pa.Array
    unfit: np.ndarray


class _Marks(NamedTuple):
    decimal: bytes
    thousands: tuple[bytes, ...]
    fits: str
    looks: str
    any_of: tuple[bytes, ...]


def plain_numbers(values: pa.Array, dialect: Dialect) -> Numbers:
    """Rewrites numbers.

    Args:
        values: large binary, some of them null.
        dialect: how numbers are written.
    """
    if has_plain_numbers(dialect):
        return Numbers(values, _NOWHERE)
    marks = _marks_of(dialect)
    content = content_of(values)
    if not any(mark in content for mark in marks.any_of):
        return Numbers(values, _NOWHERE)
    fits = pc.fill_null(pc.match_substring_regex(values, marks.fits), fill_value=False)
    looks = pc.fill_null(
        pc.match_substring_regex(values, marks.looks), fill_value=False
    )
    plain = values
    for mark in marks.thousands:
        plain = pc.replace_substring(plain, pattern=mark, replacement=b"")
    plain = pc.replace_substring(plain, pattern=marks.decimal, replacement=b".")
    unfit = np.flatnonzero(np.asarray(pc.and_not(looks, fits)))
    return Numbers(pc.if_else(fits, plain, values), unfit)


_NOWHERE = np.zeros(0, np.int64)


def example_of(dialect: Dialect) -> str:
    """Returns a number as the dialect has it."""
    return f"1{dialect.thousands or ''}234{dialect.decimal}5"


def has_plain_numbers(dialect: Dialect) -> bool:
    """Tells whether numbers are written as every reader of numbers takes them."""
    return dialect.decimal == "." and dialect.thousands is None


@lru_cache(maxsize=64)
def _marks_of(dialect: Dialect) -> _Marks:
    thousands = dialect.thousands or ""
    alike = next((some for some in _ALIKE if thousands and thousands in some), "")
    decimal = dialect.decimal
    marks = [mark for mark in alike or thousands if mark != decimal]
    point, between = re.escape(decimal), "|".join(map(re.escape, marks))
    # No number in groups begins with a zero: `0.123` is a fraction in another dialect.
    grouped = f"[1-9][0-9]{{0,2}}(?:(?:{between})[0-9]{{3}})+|" if marks else ""
    whole = f"(?:{grouped}[0-9]+)(?:{point}[0-9]*)?"
    any_of = list(dict.fromkeys([*_ANY, decimal, *marks]))
    some = f"(?:[0-9]|{'|'.join(map(re.escape, any_of))})*"
    return _Marks(
        decimal.encode(),
        tuple(mark.encode() for mark in marks),
        f"^[+-]?(?:{whole}|{point}[0-9]+){_EXPONENT}$",
        f"^[+-]?{some}[0-9]{some}{_EXPONENT}$",
        tuple(mark.encode() for mark in any_of),
    )
