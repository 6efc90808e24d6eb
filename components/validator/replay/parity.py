"""Compares what a model answered with what the engine did, table by table.

Rows of float32 tables must be equal. Where a table rounds its rows, or a TPU has added
them up, an activation may be off by what that rounding allows (`trainer.rounding`).
What the engine refused the model must refuse, with the same error.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from shardline.components.contracts.parity_lookups import ParityLookups, RecordedLookup
from shardline.components.contracts.parity_results import (
    TableParity,
    WorstLookup,
    excess,
)
from shardline.components.validator.replay.answers import Answers, Refusal

_REFUSED = "InvalidArgumentError"
_SHOWN = 20
_SHOWN_CHARACTERS = 300


class _Comparison(NamedTuple):
    """What one feature's answer to one request came to."""

    examples: int = 0
    refused: int = 0
    largest_difference: float = 0.0
    worst: WorstLookup | None = None
    fault: str = ""

    @property
    def badness(self) -> float:
        return self.worst.badness if self.worst else 0.0


def compare_tables(
    lookups: ParityLookups, answers: Answers, precisions: Mapping[str, str]
) -> dict[str, TableParity]:
    """Compares every lookup.

    Args:
        lookups: with the engine's answers.
        answers: the model's.
        precisions: how the model holds each table; float32 if it is not named.

    Returns:
        By table.
    """
    comparisons: dict[str, list[_Comparison]] = {
        feature.table: [] for feature in lookups.features.values()
    }
    replayed = zip(lookups.requests, answers.lookups, answers.refusals, strict=True)
    for request, activations, refusal in replayed:
        for name, recorded in request.items():
            table = lookups.features[name].table
            precision = precisions.get(table, "float32")
            comparisons[table].append(
                _compared(name, recorded, activations.get(name), refusal, precision)
            )
    return {
        table: _table_parity(several, precisions.get(table, "float32"))
        for table, several in sorted(comparisons.items())
    }


def _table_parity(comparisons: list[_Comparison], precision: str) -> TableParity:
    worst_first = sorted(comparisons, key=lambda comparison: -comparison.badness)
    return TableParity(
        precision=precision,
        examples=sum(comparison.examples for comparison in worst_first),
        refused=sum(comparison.refused for comparison in worst_first),
        largest_difference=max(c.largest_difference for c in worst_first),
        worst=next((c.worst for c in worst_first if c.worst), None),
        faults=[c.fault for c in worst_first if c.fault],
    )


def _compared(
    feature: str,
    recorded: RecordedLookup,
    answer: np.ndarray | None,
    refusal: Refusal | None,
    precision: str,
) -> _Comparison:
    """Compares one feature's answer to one request."""
    about = f"feature '{feature}'"
    if recorded.activations is None:
        (case,) = recorded.cases
        about = f"{about}, case '{case.name}': ids {recorded.ids.of(0)[:_SHOWN]}"
        if refusal is None:
            return _Comparison(fault=f"{about}: the engine refused, the model answers")
        if refusal.error != _REFUSED:
            return _Comparison(
                fault=f"{about}: expected {_REFUSED}, got {_in_a_line(refusal)}"
            )
        return _Comparison(refused=1)
    if answer is None:
        came = _in_a_line(refusal) if refusal else "nothing"
        return _Comparison(fault=f"{about}: the engine answered, the model said {came}")
    if answer.shape != recorded.activations.shape:
        return _Comparison(
            fault=f"{about}: the engine's activations have the shape "
            f"{recorded.activations.shape}, the model's {answer.shape}"
        )
    return _compared_activations(feature, recorded, answer, precision)


def _compared_activations(
    feature: str, recorded: RecordedLookup, answer: np.ndarray, precision: str
) -> _Comparison:
    """Compares activations of the same shape."""
    expected = recorded.activations
    assert expected is not None
    difference = np.abs(answer.astype(np.float64) - expected)
    difference = np.where(np.isfinite(difference), difference, np.inf)
    if difference.size == 0:
        return _Comparison(examples=recorded.ids.examples)
    allowed = np.zeros(expected.shape)
    # Of float32, only what a TPU has looked up has such a number.
    if precision != "float32" or precision in recorded.allowed:
        allowed = allowed + recorded.allowed[precision][..., None]
    index = np.unravel_index(
        int(excess(difference, allowed).argmax()), difference.shape
    )
    example, *position = map(int, index)
    (case,) = (c for c in recorded.cases if c.start <= example < c.stop)
    weights = recorded.ids.weights_of(example)
    worst = WorstLookup(
        feature=feature,
        case=case.name,
        example=example - case.start,
        ids=recorded.ids.of(example)[:_SHOWN],
        weights=weights and weights[:_SHOWN],
        position=position,
        engine=float(expected[index]),
        model=float(answer[index]),
        difference=float(difference[index]),
        allowed=float(allowed[index]),
    )
    return _Comparison(
        examples=recorded.ids.examples,
        largest_difference=float(difference.max()),
        worst=worst,
        fault=str(worst) if worst.difference > worst.allowed else "",
    )


def _in_a_line(refusal: Refusal) -> str:
    message = " ".join(refusal.message.split())[:_SHOWN_CHARACTERS]
    return f"{refusal.error}: {message}"
