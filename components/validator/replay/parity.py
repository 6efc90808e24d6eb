"""Compares what a model answered with what the engine did, table by table.

Rows of float32 tables must be equal; where a table rounds its rows, an activation may
be off by what the rounding of its own rows allows (`components.trainer.rounding`). What
the engine refused the model must refuse, with the same error.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from shardline.components.contracts.parity_lookups import Asked, Lookups
from shardline.components.execution.fresh_process import Answers, Refusal

_REFUSED = "InvalidArgumentError"
_SHOWN = 20
_SHOWN_CHARACTERS = 300
# Divides what nothing is allowed of, so that the largest difference stays the worst.
_NOTHING = 1e-100


class WorstLookup(BaseModel):
    """The example whose answer is the furthest off, for what it may be off.

    Attributes:
        feature: its name.
        case: what the example shows.
        example: position in the case.
        ids: of the example, the first of them.
        weights: of the ids, or None.
        place: of the value in the example's activations.
        engine: what training answered there.
        model: what the model answers there.
        difference: of the two; infinite if one is no number.
        allowed: how large it may be.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    feature: str
    case: str
    example: int
    ids: list[int]
    weights: list[float] | None
    place: list[int]
    engine: float
    model: float
    difference: float
    allowed: float

    @property
    def badness(self) -> float:
        """How many times too large the difference is."""
        return float(_badness(self.difference, self.allowed))

    def __str__(self) -> str:
        """Returns a line for people."""
        weights = f", weights {self.weights}" if self.weights else ""
        return (
            f"feature '{self.feature}', case '{self.case}', example {self.example}: "
            f"ids {self.ids}{weights}, value {self.place}: the engine said "
            f"{self.engine:.9g}, the model {self.model:.9g}; they differ by "
            f"{self.difference:.3g}, at most {self.allowed:.3g} is allowed"
        )


class TableParity(BaseModel):
    """How one table answers.

    Attributes:
        precision: how the model holds it.
        examples: how many were answered.
        refused: how many requests were refused, as they were in training.
        largest_difference: of two values.
        worst: the example that is the furthest off; None if nothing was answered.
        faults: why the table is not what it was in training, the worst first.
    """

    model_config = ConfigDict(
        frozen=True,
        ser_json_inf_nan="strings",
        validate_by_name=True,
        serialize_by_alias=True,
    )

    # Files say `form`, the older word.
    precision: str = Field(validation_alias="form", serialization_alias="form")
    examples: int
    refused: int
    largest_difference: float
    worst: WorstLookup | None
    faults: list[str]

    @property
    def badness(self) -> float:
        """How many times too large the largest difference is."""
        return self.worst.badness if self.worst else 0.0


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
        int(_badness(difference, allowed).argmax()), difference.shape
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


def _badness(difference: Any, allowed: Any) -> Any:
    """Returns how many times too large differences are."""
    return difference / np.maximum(allowed, _NOTHING)


def _line(refusal: Refusal) -> str:
    message = " ".join(refusal.message.split())[:_SHOWN_CHARACTERS]
    return f"{refusal.error}: {message}"
