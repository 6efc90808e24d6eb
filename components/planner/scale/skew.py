"""How many different rows so many lookups touch, by how often each id is looked up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_STRETCHES = 20_000


def touched_rows(frequencies: Sequence[tuple[int, int]], lookups: float) -> float:
    """Returns the expected number of ids that come up at least once.

    Lookups are drawn each by itself: an id that has the share p of all lookups is among
    n of them with the chance 1 - (1 - p)^n, about 1 - exp(-p n).

    Args:
        frequencies: (rank, lookups) of some ids, by rank from 1 on; logarithms are
            interpolated in between. Only their ratios matter.
        lookups: how many there are.
    """
    ranks, counts = np.array(frequencies, np.float64).T
    last = int(ranks[-1])
    # The most frequent ones each by itself, then stretches of about equal frequency.
    edges = np.unique(np.geomspace(1, last + 1, _STRETCHES).astype(np.int64))
    first, end = edges[:-1], edges[1:]
    middle = np.sqrt(first.astype(np.float64) * (end - 1))
    expected = np.exp(np.interp(np.log(middle), np.log(ranks), np.log(counts)))
    ids = end - first
    shares = expected / (expected @ ids)
    return float(ids @ -np.expm1(-shares * lookups))
