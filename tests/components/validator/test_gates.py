"""What opens and closes each gate, and what a closed one says."""

from typing import Any

import pytest

from shardline.components.contracts.parity_results import (
    ScoreParity,
    TableParity,
    WorstLookup,
)
from shardline.components.contracts.precision_report import PrecisionReport
from shardline.components.validator.gates import (
    latency_gate,
    parity_gate,
    quality_gate,
    size_gate,
    unanswered_gates,
)
from shardline.configs.schema import Latency


def scores(difference: float) -> ScoreParity:
    return ScoreParity(
        examples=9, largest_difference=difference, worst_example=4, engine=0.5, model=1
    )


def table(precision: str = "float32", **given: Any) -> TableParity:
    measured = {"examples": 5, "refused": 0, "largest_difference": 0.0, "worst": None}
    return TableParity(precision=precision, **(measured | {"faults": []} | given))


@pytest.mark.parametrize(
    ("difference", "passes"),
    [(0.0, True), (1e-6, True), (1.1e-6, False), (float("inf"), False)],
)
def test_limit_of_scores_itself_is_allowed(difference: float, passes: bool) -> None:
    gate = parity_gate({"user": table()}, scores(difference), 1e-6, "name ['x']")

    assert gate.passes is passes
    assert ("serving.max_difference" in gate.why) is not passes


def test_scores_of_rounded_tables_are_told_and_not_judged() -> None:
    gate = parity_gate({"user": table(), "movie": table("int8")}, scores(0.1), 1e-6)

    assert gate.passes
    assert "differ by at most 0.1, as tables of int8 may" in gate.why


def test_fault_of_a_rounded_table_closes_the_gate() -> None:
    faults = [f"fault {number}" for number in range(5)]

    gate = parity_gate({"movie": table("int8", faults=faults)}, scores(0.1), 1e-6)

    assert not gate.passes
    assert gate.why.splitlines()[1:] == [
        "Table 'movie': fault 0",
        "Table 'movie': fault 1",
        "Table 'movie': fault 2",
        "and 2 more",
    ]


def test_table_with_the_worst_example_is_named_first() -> None:
    def off(by: float, allowed: float) -> TableParity:
        worst = WorstLookup(
            feature="x",
            case="one id",
            example=0,
            ids=[1],
            weights=None,
            place=[0],
            engine=0.0,
            model=by,
            difference=by,
            allowed=allowed,
        )
        return table(worst=worst, faults=[f"off by {by}"])

    tables = {"a": off(3.0, 1.0), "b": off(0.5, 0.0), "c": off(5.0, 1.0)}
    gate = parity_gate(tables, scores(0.0), 1e-6)

    assert gate.why.splitlines()[1:] == [
        "Table 'b': off by 0.5",
        "Table 'c': off by 5.0",
        "Table 'a': off by 3.0",
    ]


@pytest.mark.parametrize(
    ("limit", "passes"), [(None, True), (1000, True), (999, False)]
)
def test_size_is_judged_by_its_limit(limit: int | None, passes: bool) -> None:
    gate = size_gate(1000, limit)

    assert gate.passes is passes
    assert (gate.value, gate.limit) == (1000, limit)
    assert ("serving.max_bytes" in gate.why) is not passes


@pytest.mark.parametrize(
    ("milliseconds", "passes"), [(9.0, False), (9.6, True), (100.0, True)]
)
def test_latency_is_judged_by_its_percentile(milliseconds: float, passes: bool) -> None:
    times = {1: [100.0] * 10, 7: [float(number) for number in range(11)]}

    gate = latency_gate(
        times, Latency(milliseconds=milliseconds, percentile=95, examples=7)
    )

    assert gate.passes is passes
    assert gate.value == 9.5
    assert gate.why.startswith("percentile 95 of 11 requests of 7 examples is 9.5 ms")
    assert ("serving.max_latency" in gate.why) is not passes


def test_latency_without_a_limit_passes() -> None:
    assert latency_gate({}, None).passes


def test_model_that_was_not_asked_passes_neither_gate() -> None:
    assert [(g.gate, g.passes) for g in unanswered_gates("it is not there")] == [
        ("parity", False),
        ("latency", False),
    ]


@pytest.mark.parametrize("why", ["", "tables need 0.1 % more than allowed"])
def test_quality_is_what_the_exporter_measured(why: str) -> None:
    report = PrecisionReport(
        tables={"movie": "int8"},
        asked={"movie": "int8"},
        examples=60,
        normalized_entropy=0.8,
        float32_normalized_entropy=0.7999,
        increase=0.000125,
        max_increase=0.0005,
        why=why,
        trials=[],
        variants={},
    )

    gate = quality_gate(report)

    assert gate.passes == (not why)
    assert (gate.value, gate.limit) == (0.000125, 0.0005)
    assert gate.why == why or "+0.013%" in gate.why or "+0.012%" in gate.why


def test_float32_model_needs_no_quality() -> None:
    assert quality_gate(None).passes
