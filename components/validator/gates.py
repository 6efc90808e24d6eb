"""The gates between an exported model and the folder that servers read.

Each says what came, and a closed one what was expected and what to do about it.
"""

from collections.abc import Mapping

import numpy as np

from shardline.components.contracts.parity_results import ScoreParity, TableParity
from shardline.components.contracts.precision_report import PrecisionReport
from shardline.components.contracts.validation import Gate
from shardline.configs.schema import Latency as LatencyLimit

_SHOWN_FAULTS = 3


def parity_gate(
    tables: Mapping[str, TableParity],
    scores: ScoreParity,
    max_difference: float,
    example: str = "",
) -> Gate:
    """Judges whether a model answers as the engine did.

    Args:
        tables: how each answers.
        scores: how the model scores. Judged only where all tables are float32: what
            their rounding does to scores is up to the gate `quality`.
        max_difference: `serving.max_difference`, between two scores.
        example: the one with the worst score, for people.
    """
    faults = [
        f"Table '{name}': {fault}"
        for name, table in sorted(tables.items(), key=lambda item: -item[1].badness)
        for fault in table.faults
    ]
    rounds = sorted({t.precision for t in tables.values()} - {"float32"})
    value = scores.largest_difference
    if not rounds and not value <= max_difference:
        faults.append(
            f"Scores differ by {value:.3g}, at most {max_difference:g} is allowed "
            f"(serving.max_difference), on {scores}. It is {example}"
        )
    if not faults:
        about = f"scores of {scores.examples} examples differ by at most {value:.2g}"
        if rounds:
            about += f", as tables of {' and '.join(rounds)} may"
        return Gate(gate="parity", passes=True, value=value, why=about)
    shown = "\n".join(faults[:_SHOWN_FAULTS])
    more = len(faults) - _SHOWN_FAULTS
    return Gate(
        gate="parity",
        passes=False,
        value=value,
        limit=max_difference,
        why=f"the model does not compute what training did.\n{shown}"
        + (f"\nand {more} more" if more > 0 else ""),
    )


def size_gate(model_bytes: int, limit: int | None) -> Gate:
    """Judges the bytes of the files that a server loads."""
    why = f"the model's files have {model_bytes:,} bytes"
    passes = limit is None or model_bytes <= limit
    if not passes:
        why += (
            f", at most {limit:,} are allowed (serving.max_bytes). Raise it, or hold "
            "tables in a smaller precision (serving.tables)."
        )
    return Gate(gate="size", passes=passes, value=model_bytes, limit=limit, why=why)


def unanswered_gates(why: str) -> list[Gate]:
    """Returns the gates that stay closed for a model that cannot be asked."""
    return [
        Gate(gate="parity", passes=False, why=why),
        Gate(gate="latency", passes=False, why="the model could not be asked"),
    ]


def latency_gate(
    request_ms: Mapping[int, list[float]], limit: LatencyLimit | None
) -> Gate:
    """Judges how long requests took.

    Args:
        request_ms: by examples in a request; those that the limit is for included.
        limit: `serving.max_latency`.
    """
    if limit is None:
        return Gate(gate="latency", passes=True, why="no limit is given")
    times = request_ms[limit.examples]
    value = float(np.percentile(times, limit.percentile))
    why = (
        f"percentile {limit.percentile:g} of {len(times)} requests of "
        f"{limit.examples} examples is {value:.3g} ms"
    )
    passes = value <= limit.milliseconds
    if not passes:
        why += (
            f", at most {limit.milliseconds:g} ms is allowed (serving.max_latency). "
            "Raise it, run where nothing else does, or make the model smaller."
        )
    return Gate(
        gate="latency",
        passes=passes,
        value=value,
        limit=limit.milliseconds,
        why=why,
    )


def quality_gate(report: PrecisionReport | None) -> Gate:
    """Judges what rounded tables cost, as the exporter measured it."""
    if report is None:
        return Gate(gate="quality", passes=True, why="all tables are float32")
    why = (
        f"normalized entropy is {report.increase:+.3%} of that of float32 tables, on "
        f"{report.examples} examples"
    )
    return Gate(
        gate="quality",
        passes=not report.why,
        value=report.increase,
        limit=report.max_increase,
        why=report.why or why,
    )
