"""Compares what a model answered with what the engine did, table by table.

Rows of float32 tables must be equal; where a table rounds its rows, an activation may
be off by what the rounding of its own rows allows (`components.trainer.rounding`). What
the engine refused the model must refuse, with the same error.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from shardline.components.contracts.parity_lookups import Asked, Lookups
from shardline.components.contracts.parity_results import (
    TableParity,
    WorstLookup,
    excess,
)
from shardline.components.validator.replay.answers import Answers, Refusal

_REFUSED = "InvalidArgumentError"
_SHOWN = 20
_SHOWN_CHARACTERS = 300


class _Found(NamedTuple):
    """What one feature's answer to one request came to."""

    examples: int = 0
    refused: int = 0
    largest_difference: float = 0.0
    worst: WorstLookup | None = None
    fault: str = ""


def compare_tables(
    lookups: Lookups, answers: Answers, precisions: Mapping[str, str]
) -> dict[str, TableParity]:
    """Compares every lookup.

    Args:
        lookups: what was asked, and the engine's answers.
        answers: the model's.
        precisions: how the model holds each table; float32 if it is not named.

    Returns:
        By table.
    """
    found: dict[str, list[_Found]] = {
        probed.table: [] for probed in lookups.features.values()
    }
    answered = zip(lookups.requests, answers.lookups, answers.refusals, strict=True)
    for request, answer, refusal in answered:
        for name, asked in request.items():
            table = lookups.features[name].table
            precision = precisions.get(table, "float32")
            found[table].append(
                _found(name, asked, answer.get(name), refusal, precision)
            )
    return {
        table: _table(several, precisions.get(table, "float32"))
        for table, several in sorted(found.items())
    }


def _table(found: list[_Found], precision: str) -> TableParity:
    found = sorted(found, key=lambda one: -one.worst.badness if one.worst else 0.0)
    return TableParity(
        precision=precision,
        examples=sum(one.examples for one in found),
        refused=sum(one.refused for one in found),
        largest_difference=max(one.largest_difference for one in found),
        worst=next((one.worst for one in found if one.worst), None),
        faults=[one.fault for one in found if one.fault],
    )


def _found(
    feature: str,
    asked: Asked,
    answer: np.ndarray | None,
    refusal: Refusal | None,
    precision: str,
) -> _Found:
    """Compares one feature's answer to one request."""
    about = f"feature '{feature}'"
    if asked.activations is None:
        (case,) = asked.cases
        about = f"{about}, case '{case.name}': ids {asked.bags.ids(0)[:_SHOWN]}"
        if refusal is None:
            return _Found(fault=f"{about}: the engine refused, the model answers")
        if refusal.error != _REFUSED:
            return _Found(fault=f"{about}: expected {_REFUSED}, got {_line(refusal)}")
        return _Found(refused=1)
    if answer is None:
        said = _line(refusal) if refusal else "nothing"
        return _Found(fault=f"{about}: the engine answered, the model said {said}")
    if answer.shape != asked.activations.shape:
        return _Found(
            fault=f"{about}: the engine's activations have the shape "
            f"{asked.activations.shape}, the model's {answer.shape}"
        )
    return _compared(feature, asked, answer, precision)


def _compared(feature: str, asked: Asked, answer: np.ndarray, precision: str) -> _Found:
    expected = asked.activations
    assert expected is not None
    difference = np.abs(answer.astype(np.float64) - expected)
    difference = np.where(np.isfinite(difference), difference, np.inf)
    if difference.size == 0:
        return _Found(examples=asked.bags.examples)
    allowed = np.zeros(expected.shape)
    if precision != "float32":
        allowed = allowed + asked.allowed[precision][..., None]
    place = np.unravel_index(
        int(excess(difference, allowed).argmax()), difference.shape
    )
    example, *inside = map(int, place)
    case = next(one for one in asked.cases if one.start <= example < one.stop)
    weights = asked.bags.weights_of(example)
    worst = WorstLookup(
        feature=feature,
        case=case.name,
        example=example - case.start,
        ids=asked.bags.ids(example)[:_SHOWN],
        weights=weights and weights[:_SHOWN],
        place=inside,
        engine=float(expected[place]),
        model=float(answer[place]),
        difference=float(difference[place]),
        allowed=float(allowed[place]),
    )
    return _Found(
        examples=asked.bags.examples,
        largest_difference=float(difference.max()),
        worst=worst,
        fault=str(worst) if worst.difference > worst.allowed else "",
    )


def _line(refusal: Refusal) -> str:
    message = " ".join(refusal.message.split())[:_SHOWN_CHARACTERS]
    return f"{refusal.error}: {message}"
