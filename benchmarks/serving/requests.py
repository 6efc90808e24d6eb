"""How exported models are asked, and how long an answer takes.

Imports neither TensorFlow nor anything of the project: the asking programs use it.
"""

import statistics
from collections.abc import Sequence

from benchmarks.engine.session import Times

SIZES = (1, 256)  # examples in a request
PERCENTILES = (50, 90, 99)


def name_of(size: int) -> str:
    """Returns what a request of so many examples is called."""
    return f"{size} example{'s' * (size > 1)}"


def percentile(seconds: Sequence[float], percent: int) -> float:
    """Returns the time that so many percent of some times are not above."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


def percentile_s(times: Times, key: str, percent: int) -> float:
    """Returns the median over rounds of a percentile of their requests, in seconds."""
    return statistics.median(percentile(calls, percent) for calls in times[key])


def percentile_ratio(times: Times, of: str, to: str, percent: int) -> float:
    """Returns the median over rounds of one's percentile by another's in that round."""
    return statistics.median(
        percentile(a, percent) / percentile(b, percent)
        for a, b in zip(times[of], times[to], strict=True)
    )
