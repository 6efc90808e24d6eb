"""Worse by more than the margin and beyond doubt closes a gate; one alone does not."""

import pytest

from shardline.components.comparison.regression_gates import (
    in_service_gate,
    regression_gates,
)
from shardline.configs.schema import Regression

MARGINS = Regression()


def closed(result, *, has_intervals: bool = True, **metrics) -> list[str]:
    gates = regression_gates(
        result(**metrics), MARGINS, "17", has_intervals=has_intervals
    )
    return [gate.gate for gate in gates if not gate.passes]


def test_equal_models_pass_every_gate(result) -> None:
    gates = regression_gates(result(), MARGINS, "17", has_intervals=True)

    assert [gate.gate for gate in gates] == [
        "regression.auc",
        "regression.normalized_entropy",
        "regression.calibration",
        "suspicious_auc",
    ]
    assert all(gate.passes for gate in gates)
    assert gates[0].why == (
        "AUC is 0.7500, and 0.7500 of version 17, in service: +0.0000 (-0.0100 to "
        "+0.0100 by 95 % interval)"
    )


@pytest.mark.parametrize(
    ("one", "other", "ends", "closes"),
    [
        (0.70, 0.75, (-0.07, -0.03), True),
        # Worse, but it may be chance.
        (0.70, 0.75, (-0.11, 0.01), False),
        # Worse beyond doubt, but within the margin.
        (0.746, 0.75, (-0.005, -0.003), False),
        (0.80, 0.75, (0.03, 0.07), False),
    ],
)
@pytest.mark.parametrize("metric", ["auc", "grouped_auc"])
def test_fall_of_auc(result, metric, one, other, ends, closes) -> None:
    found = closed(result, **{metric: (one, other, ends)})

    assert found == ([f"regression.{metric}"] if closes else [])


@pytest.mark.parametrize(
    ("one", "other", "ends", "closes"),
    [
        (0.95, 0.90, (0.03, 0.07), True),
        (0.95, 0.90, (-0.01, 0.11), False),
        (0.905, 0.90, (0.004, 0.006), False),
        (0.85, 0.90, (-0.07, -0.03), False),
    ],
)
def test_rise_of_normalized_entropy(result, one, other, ends, closes) -> None:
    found = closed(result, normalized_entropy=(one, other, ends))

    assert found == (["regression.normalized_entropy"] if closes else [])


@pytest.mark.parametrize(
    ("one", "other", "ends", "closes"),
    [
        (1.3, 1.0, (0.2, 0.4), True),
        (0.7, 1.0, (0.2, 0.4), True),
        # The model in service is further off, or as far for all that is known.
        (1.3, 1.4, (-0.2, -0.05), False),
        (1.3, 1.25, (-0.05, 0.1), False),
        (1.1, 1.0, (0.05, 0.15), False),
    ],
)
def test_calibration(result, one, other, ends, closes) -> None:
    found = closed(result, calibration=(one, other, ends))

    assert found == (["regression.calibration"] if closes else [])


@pytest.mark.parametrize(
    ("one", "ends", "closes"),
    [(0.9, (0.1, 0.2), True), (0.8, (0.04, 0.06), False), (0.9, (-0.1, 0.4), False)],
)
def test_rise_of_auc_beyond_belief(result, one, ends, closes) -> None:
    found = closed(result, auc=(one, 0.75, ends))

    assert found == (["suspicious_auc"] if closes else [])


def test_closed_gate_says_what_came_what_was_expected_and_the_remedy(result) -> None:
    gates = regression_gates(
        result(auc=(0.7, 0.75, (-0.07, -0.03))), MARGINS, "17", has_intervals=True
    )

    assert gates[0].value == pytest.approx(0.05)
    assert gates[0].limit == 0.005
    assert gates[0].why == (
        "AUC is 0.7000, and 0.7500 of version 17, in service: -0.0500 (-0.0700 to "
        "-0.0300 by 95 % interval). At most 0.005 worse is allowed "
        "(evaluation.regression.auc). See what has changed in the data and in the "
        "configuration; raise the margin if it is too narrow, or publish with --force."
    )


def test_without_intervals_what_is_measured_decides(result) -> None:
    worse = {"auc": (0.70, 0.75, None)}

    assert closed(result, has_intervals=False, **worse) == ["regression.auc"]


def test_too_few_examples_for_an_interval_tell_nothing(result) -> None:
    worse = {
        "auc": (0.70, 0.75, None),
        "normalized_entropy": (0.99, 0.9, None),
        "calibration": (1.9, 1.0, None),
    }

    gates = regression_gates(result(**worse), MARGINS, "17", has_intervals=True)

    assert all(gate.passes for gate in gates)
    assert gates[0].why.endswith("too few groups or examples to tell")


def test_metric_that_only_the_candidate_lacks_closes_its_gate(result) -> None:
    found = result(auc=(None, 0.75, None))
    gates = regression_gates(found, MARGINS, "17", has_intervals=True)

    shut = [gate for gate in gates if not gate.passes]
    assert [gate.gate for gate in shut] == ["regression.auc", "suspicious_auc"]
    assert "AUC of the candidate is undefined: all labels are 1" in shut[0].why


def test_metric_that_no_model_has_closes_nothing(result) -> None:
    found = result(auc=(None, None, None))

    gates = regression_gates(found, MARGINS, "17", has_intervals=True)

    assert all(gate.passes for gate in gates)
    assert gates[0].why == (
        "AUC of the model in service is undefined: all labels are 1"
    )


@pytest.mark.parametrize(
    ("version", "why_not", "passes", "said"),
    [
        ("", "", True, "no model is in service yet"),
        ("17", "", True, "version 17 is in service and was compared"),
        ("17", "column `x` is gone", False, "column `x` is gone. If the data or"),
    ],
)
def test_model_in_service_that_cannot_be_compared_closes_a_gate(
    version, why_not, passes, said
) -> None:
    gate = in_service_gate(version, why_not)

    assert (gate.gate, gate.passes) == ("in_service", passes)
    assert said in gate.why
