"""Asks a model in a fresh process, and judges it by every gate."""

import dataclasses
from collections.abc import Collection

import numpy as np

from shardline.components.contracts.model_folder import loaded_bytes
from shardline.components.contracts.parity_examples import model_parity
from shardline.components.contracts.parity_lookups import load_lookups
from shardline.components.contracts.parity_results import ScoreParity, TableParity
from shardline.components.contracts.precision_report import (
    held_precisions,
    load_precision_report,
)
from shardline.components.contracts.validation import Gate, Latency, Validation
from shardline.components.validator.gates import (
    latency_gate,
    parity_gate,
    quality_gate,
    size_gate,
    unanswered_gates,
)
from shardline.components.validator.replay.answers import (
    Answers,
    NotServedError,
    replay,
)
from shardline.components.validator.replay.parity import compare_tables
from shardline.components.validator.replay.scores import (
    compare_scores,
    readable_example,
)
from shardline.configs.schema import Serving

# Examples in a request, of which times are always measured.
_SIZES = (1, 256)
_REQUESTS = 200


@dataclasses.dataclass(frozen=True)
class Parity:
    """How a model answers, beside what training answered.

    Attributes:
        gate: the verdict.
        tables: how each answers.
        scores: how the model scores.
        answers: the model's.
    """

    gate: Gate
    tables: dict[str, TableParity]
    scores: ScoreParity
    answers: Answers


def validate(model_folder: str, serving: Serving) -> Validation:
    """Judges a model by all gates, the time of requests included.

    Args:
        model_folder: SavedModel with what the exporter adds to it; local.
        serving: what it must pass.
    """
    model_bytes = sum(loaded_bytes(model_folder).values())
    gates = [
        size_gate(model_bytes, serving.max_bytes),
        quality_gate(load_precision_report(model_folder)),
    ]
    limit = serving.max_latency
    sizes = sorted({*_SIZES, *([limit.examples] if limit else [])})
    try:
        parity = check_parity(model_folder, serving.max_difference, sizes)
    except NotServedError as error:
        gates = [*unanswered_gates(str(error)), *gates]
        return Validation(gates=gates, bytes=model_bytes)
    request_ms = parity.answers.request_ms
    return Validation(
        gates=[parity.gate, *gates, latency_gate(request_ms, limit)],
        parity=parity.tables,
        scores=parity.scores,
        bytes=model_bytes,
        load_seconds=parity.answers.load_seconds,
        latency_ms={size: _latency(times) for size, times in request_ms.items()},
    )


def check_parity(
    model_folder: str, max_difference: float, sizes: Collection[int] = ()
) -> Parity:
    """Compares a model's answers with the engine's, which travel with it.

    Args:
        model_folder: local, with the parity files that the exporter adds.
        max_difference: what is allowed between two scores.
        sizes: examples in requests to time; none are by default.

    Raises:
        NotServedError: if the model cannot be asked.
    """
    answers = replay(model_folder, requests=_REQUESTS, sizes=sizes)
    folder = model_parity(model_folder)
    tables = compare_tables(
        load_lookups(folder), answers, held_precisions(model_folder)
    )
    scores = compare_scores(folder, answers.scores)
    example = ""
    is_exact = all(table.precision == "float32" for table in tables.values())
    if is_exact and not scores.largest_difference <= max_difference:
        example = readable_example(folder, scores.worst_example)
    gate = parity_gate(tables, scores, max_difference, example)
    return Parity(gate, tables, scores, answers)


def _latency(times_ms: list[float]) -> Latency:
    p50, p90, p99 = np.percentile(times_ms, [50, 90, 99])
    return Latency(p50=p50, p90=p90, p99=p99)
