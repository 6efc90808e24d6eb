"""Leaves what was erased out of what is said of raw data, which may still hold it.

Messages show values between quotes. What was erased is known by hashes alone, so a text
between any two quotes is asked for, for a value may hold quotes itself.
"""

import itertools
import re
from collections.abc import Iterator

from shardline.components.contracts.erasures.examples import Erasure

BLACKENED = "[erased]"
_MOST_QUOTES = 64  # of a line
_WORD = re.compile(r"[^\s'`,;()]+")
_POINTS = ".:"


def without_erased(line: str, erasure: Erasure) -> str:
    """Returns a line in which no value is shown that was erased.

    A value between quotes goes if it was erased from any column, and a word, such as a
    number, if it is no chance equality.

    Args:
        line: said of raw data that was read.
        erasure: what was erased.
    """
    parts, end = [], 0
    for start, stop in sorted({*_quoted(line, erasure), *_words(line, erasure)}):
        if start >= end:
            parts += [line[end:start], BLACKENED]
            end = stop
    return "".join([*parts, line[end:]])


def _quoted(line: str, erasure: Erasure) -> Iterator[tuple[int, int]]:
    quotes = [found.start() for found in re.finditer("'", line)][:_MOST_QUOTES]
    for start, stop in itertools.combinations(quotes, 2):
        token = line[start + 1 : stop].encode(errors="replace")
        columns = erasure.columns.values()
        if token in erasure.distinctive or any(token in one.tokens for one in columns):
            yield start + 1, stop


def _words(line: str, erasure: Erasure) -> Iterator[tuple[int, int]]:
    for word in _WORD.finditer(line):
        text = word[0].rstrip(_POINTS)
        if text.encode(errors="replace") in erasure.distinctive:
            yield word.start(), word.start() + len(text)
