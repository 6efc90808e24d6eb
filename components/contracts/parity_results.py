"""How a model answers, beside what training answered: of each table, and of scores.

Part of a verdict (`contracts.validation`), which is kept as JSON.
"""

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

# Divides what nothing is allowed of, so that the largest difference stays the worst.
_NOTHING = 1e-100
# JSON has no infinite numbers.
_IN_FILES = ConfigDict(
    frozen=True,
    ser_json_inf_nan="strings",
    validate_by_name=True,
    serialize_by_alias=True,
)


class WorstLookup(BaseModel):
    """The example whose answer is the furthest off, for what it may be off.

    Attributes:
        feature: its name.
        case: what the example shows.
        example: position in the case.
        ids: the ids of the example, the first of them.
        weights: the weights of the ids, or None.
        position: the position of the value in the example's activations.
        engine: what training answered there.
        model: what the model answers there.
        difference: the difference of the two; infinite if one is no number.
        allowed: how large it may be.
    """

    model_config = _IN_FILES

    feature: str
    case: str
    example: int
    ids: list[int]
    weights: list[float] | None
    # Files say `place`, the older word.
    position: list[int] = Field(validation_alias="place", serialization_alias="place")
    engine: float
    model: float
    difference: float
    allowed: float

    @property
    def badness(self) -> float:
        """How many times too large the difference is."""
        return float(excess(self.difference, self.allowed))

    def __str__(self) -> str:
        """Returns a line for people."""
        weights = f", weights {self.weights}" if self.weights else ""
        return (
            f"feature '{self.feature}', case '{self.case}', example {self.example}: "
            f"ids {self.ids}{weights}, value {self.position}: the engine said "
            f"{self.engine:.9g}, the model {self.model:.9g}; they differ by "
            f"{self.difference:.3g}, at most {self.allowed:.3g} is allowed"
        )


class TableParity(BaseModel):
    """How one table answers.

    Attributes:
        precision: how the model holds it.
        examples: how many were answered.
        refused: how many requests were refused, as they were in training.
        largest_difference: the largest difference of two values.
        worst: the example that is the furthest off; None if nothing was answered.
        faults: why the table is not what it was in training, the worst first.
    """

    model_config = _IN_FILES

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


class ScoreParity(BaseModel):
    """How the model scores the parity examples.

    Attributes:
        examples: how many there are.
        largest_difference: of two scores; infinite if one is no number.
        worst_example: the position of the example that has it.
        engine: what training said of it.
        model: what the model says of it.
    """

    model_config = _IN_FILES

    examples: int
    largest_difference: float
    worst_example: int
    engine: float
    model: float

    def __str__(self) -> str:
        """Returns what is wrong, if it is too much."""
        return (
            f"example {self.worst_example} of {self.examples}: the engine said "
            f"{self.engine:.9g}, the model {self.model:.9g}"
        )


def excess(difference: Any, allowed: Any) -> Any:
    """Returns how many times too large differences are.

    Args:
        difference: numbers of 0 or more, or one of them.
        allowed: how large each may be.
    """
    return difference / np.maximum(allowed, _NOTHING)
