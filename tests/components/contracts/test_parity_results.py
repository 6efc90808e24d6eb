"""Results of a comparison, as validation.json keeps them."""

import json
import math

import pytest

from shardline.components.contracts.parity_results import (
    ScoreParity,
    TableParity,
    WorstLookup,
    excess,
)

WORST = WorstLookup(
    feature="tags",
    case="one id",
    example=2,
    ids=[3],
    weights=[0.5],
    position=[1],
    engine=1.0,
    model=1.5,
    difference=0.5,
    allowed=0.25,
)
TABLE = TableParity(
    precision="int8",
    examples=4,
    refused=1,
    largest_difference=math.inf,
    worst=WORST,
    faults=["off"],
)


def test_results_come_back_from_json_infinite_ones_too() -> None:
    assert TableParity.model_validate_json(TABLE.model_dump_json()) == TABLE


def test_json_keeps_its_keys() -> None:
    """Verdicts that were recorded once are read by them."""
    written = json.loads(TABLE.model_dump_json())

    assert written["form"] == "int8"
    assert written["worst"]["place"] == [1]
    assert written["largest_difference"] == "Infinity"


def test_worst_lookup_is_readable() -> None:
    assert str(WORST) == (
        "feature 'tags', case 'one id', example 2: ids [3], weights [0.5], value [1]: "
        "the engine said 1, the model 1.5; they differ by 0.5, at most 0.25 is allowed"
    )


def test_badness_is_how_many_times_too_large_a_difference_is() -> None:
    assert (WORST.badness, TABLE.badness) == (2.0, 2.0)
    assert TABLE.model_copy(update={"worst": None}).badness == 0


@pytest.mark.parametrize(
    ("smaller", "larger"), [((0.0, 0.0), (1e-30, 0.0)), ((1.0, 0.5), (1e-6, 0.0))]
)
def test_difference_where_nothing_is_allowed_is_the_worst(
    smaller: tuple[float, float], larger: tuple[float, float]
) -> None:
    assert excess(*smaller) < excess(*larger)


def test_scores_are_readable() -> None:
    scores = ScoreParity(
        examples=3, largest_difference=0.75, worst_example=2, engine=3, model=3.75
    )

    assert str(scores) == "example 2 of 3: the engine said 3, the model 3.75"
