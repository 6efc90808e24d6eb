"""The spans that ratings are of, by their time."""

import functools
import hashlib
from collections.abc import Iterable

from shardline.components.readers.movielens.archive import Rating
from shardline.components.readers.span_reader import FoundSpan
from shardline.configs.span_names import Every, SpanName, span_at

_HOUR_S = 3_600  # all periods begin with an hour
_HASH_BYTES = 8
_HASHES = 1 << 8 * _HASH_BYTES


def found_spans(ratings: Iterable[Rating], every: Every) -> list[FoundSpan]:
    """Returns the spans that ratings are of, in the order of time.

    Args:
        ratings: all ratings, in any order, which the digests do not depend on.
        every: how long a span is.
    """
    rows: dict[SpanName, int] = {}
    hashes: dict[SpanName, int] = {}
    for rating in ratings:
        span = _span_of_hour(rating.timestamp // _HOUR_S, every)
        rows[span] = rows.get(span, 0) + 1
        hashes[span] = (hashes.get(span, 0) + _hash(rating)) % _HASHES
    return [
        FoundSpan(span.name, 1, f"{rows[span]:x}-{hashes[span]:016x}")
        for span in sorted(rows, key=lambda span: span.start)
    ]


@functools.lru_cache(1 << 16)
def _span_of_hour(hour: int, every: Every) -> SpanName:
    return span_at(hour * _HOUR_S, every)


def _hash(rating: Rating) -> int:
    digest = hashlib.blake2b(repr(tuple(rating)).encode(), digest_size=_HASH_BYTES)
    return int.from_bytes(digest.digest(), "little")
