"""Whether two jobs made the same of the same clicks, column by column."""

from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.preprocess.outputs import Outputs
from benchmarks.preprocess.workload import ID_FEATURES, NUMBERS, ROW

# Of z-scores and moments, absolute or relative, whichever is more.
TOLERANCE = 1e-6


def compared(ours: Outputs, stock: Outputs) -> dict[str, Any]:
    """Returns the findings.

    Returns:
        agree: names of the columns that do.
        differ: what differs, by column.
        largest: the largest difference of z-scores and of moments, each divided by
            the number itself where that is more than 1.
    """
    faults: dict[str, str] = {}
    own, rival = ours.columns(), stock.columns()
    faults |= {n: _ids_fault(own[n], rival[n]) for n in ID_FEATURES}
    for name in ID_FEATURES:
        if ours.vocabulary(name) != stock.vocabulary(name):
            faults[name] = "the vocabulary files differ"
    scores = {n: _difference(own[n].flatten(), rival[n].flatten()) for n in NUMBERS}
    own_moments, rival_moments = ours.moments(), stock.moments()
    moments = {n: _difference(own_moments[n], rival_moments[n]) for n in NUMBERS}
    for name in NUMBERS:
        largest = max(scores[name], moments[name])
        faults[name] = "" if largest <= TOLERANCE else f"they differ by {largest:.1e}"
    if not own[ROW].equals(rival[ROW]):
        faults = dict.fromkeys(faults, "the rows are not the same")
    return {
        "agree": [name for name, fault in faults.items() if not fault],
        "differ": {name: fault for name, fault in faults.items() if fault},
        "largest": {
            "z-scores": max(scores.values()),
            "moments": max(moments.values()),
        },
    }


def _ids_fault(own: pa.Array, rival: pa.Array) -> str:
    if own.equals(rival):
        return ""
    rows = sum(a != b for a, b in zip(own.to_pylist(), rival.to_pylist(), strict=False))
    return f"the ids of {rows:,} rows differ"


def _difference(own: Any, rival: Any) -> float:
    """Returns the largest difference, infinite if they cannot be compared."""
    a, b = (np.asarray(values, np.float64) for values in (own, rival))
    if a.shape != b.shape:
        return float("inf")
    return float((np.abs(a - b) / np.maximum(1, np.abs(b))).max())
