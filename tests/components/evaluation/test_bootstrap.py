"""Metrics of resamples, against scikit-learn on the examples that were drawn."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from shardline.components.evaluation.bootstrap import (
    Examples,
    Scored,
    interval,
    scored,
)
from shardline.components.evaluation.grouped import auc_by_group

RESAMPLES = 40


def drawn(seed: int, grouped: bool, examples: int = 300) -> tuple[Examples, np.ndarray]:
    """Examples, and scores with ties that tell something of the labels."""
    draw = np.random.default_rng(seed)
    labels = (draw.random(examples) < 0.4).astype(np.float64)
    scores = np.clip(draw.normal(0.4 + 0.2 * labels, 0.2).round(2), 0.01, 0.99)
    groups = draw.integers(20, size=examples) if grouped else None
    weights = draw.uniform(0.5, 2, examples)
    return Examples(labels, weights, groups, "user"), scores.astype(np.float32)


def drawn_examples(examples: Examples) -> list[np.ndarray]:
    """The positions in each resample, drawn in plain numpy."""
    count = len(examples.labels)
    groups = examples.groups if examples.groups is not None else np.arange(count)
    draw = np.random.default_rng(0)
    units = int(groups.max()) + 1
    return [
        np.concatenate([np.flatnonzero(groups == unit) for unit in drawn])
        for drawn in (draw.integers(units, size=units) for _ in range(RESAMPLES))
    ]


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_each_resample_has_the_metrics_of_its_examples(
    seed: int, grouped: bool
) -> None:
    examples, scores = drawn(seed, grouped)

    found = scored(examples, scores, RESAMPLES)

    for number, chosen in enumerate(drawn_examples(examples)):
        labels, weights = examples.labels[chosen], examples.weights[chosen]
        exact = scores[chosen].astype(np.float64)
        auc = roc_auc_score(labels, exact, sample_weight=weights)
        assert found.resampled["auc"][number] == pytest.approx(auc, abs=1e-12)
        rate = weights @ labels / weights.sum()
        base = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
        loss = log_loss(labels, exact, sample_weight=weights)
        entropy = found.resampled["normalized_entropy"][number]
        assert entropy == pytest.approx(loss / base)
        calibration = weights @ exact / (weights @ labels)
        assert found.resampled["calibration"][number] == pytest.approx(calibration)
        if examples.groups is not None:
            by_group = auc_by_group(
                labels, scores[chosen], weights, examples.groups[chosen]
            )
            grouped_auc = found.resampled["grouped_auc"][number]
            assert grouped_auc == pytest.approx(by_group.mean, abs=1e-12)


def test_values_are_those_of_all_examples() -> None:
    examples, scores = drawn(3, grouped=True)

    found = scored(examples, scores, 0)

    exact = roc_auc_score(examples.labels, scores, sample_weight=examples.weights)
    assert found.values["auc"] == pytest.approx(exact, abs=1e-12)
    by_group = auc_by_group(examples.labels, scores, examples.weights, examples.groups)
    assert found.values["grouped_auc"] == by_group.mean
    assert found.resampled == {}


def test_interval_holds_the_truth_about_19_times_in_20() -> None:
    truth = 0.7602  # of normal scores whose means are a standard deviation apart
    held = 0
    for seed in range(60):
        draw = np.random.default_rng(seed)
        labels = (draw.random(400) < 0.5).astype(np.float64)
        scores = draw.normal(labels).astype(np.float32)
        found = scored(Examples(labels, np.ones(400)), scores, 100)
        low, high = interval(found.resampled["auc"])
        held += low <= truth <= high
    assert held >= 52


def test_differences_of_two_models_are_paired() -> None:
    examples, scores = drawn(4, grouped=True, examples=2_000)
    close = scores + np.float32(0.001) * (np.arange(2_000) % 2).astype(np.float32)

    one, other = (scored(examples, given, 100) for given in (scores, close))

    alone = np.ptp(interval(one.resampled["auc"]))
    apart = np.ptp(interval(one.resampled["auc"] - other.resampled["auc"]))
    assert apart < alone / 5


def test_groups_make_the_interval_wider_than_single_examples_do() -> None:
    draw = np.random.default_rng(0)
    groups = np.repeat(np.arange(50), 20)
    rates = draw.random(50)[groups]
    labels = (draw.random(1_000) < rates).astype(np.float64)
    scores = np.full(1_000, 0.5, np.float32)

    by_group = scored(Examples(labels, np.ones(1_000), groups), scores, 200)
    by_example = scored(Examples(labels, np.ones(1_000)), scores, 200)

    widths = [
        np.ptp(interval(found.resampled["calibration"]))
        for found in (by_group, by_example)
    ]
    assert widths[0] > 2 * widths[1]


def test_examples_among_others_have_groups_of_their_own() -> None:
    examples, _ = drawn(5, grouped=True)
    chosen = examples.groups % 3 == 1

    some = examples.among(chosen)

    assert len(some.labels) == chosen.sum()
    assert {*some.groups} == {*range(len(np.unique(examples.groups[chosen])))}


def undefined(found: Scored) -> dict[str, str]:
    return {name: why for name, why in found.undefined.items() if "recall" not in name}


def test_labels_that_are_all_alike_leave_metrics_undefined() -> None:
    examples = Examples(np.ones(30), np.ones(30), np.arange(30), "user")

    found = scored(examples, np.full(30, 0.5, np.float32), 10, "examples of the span")

    assert found.values == pytest.approx({"calibration": 0.5, "log_loss": np.log(2)})
    assert undefined(found) == {
        "auc": "all 30 examples of the span have label 1",
        "normalized_entropy": "all 30 examples of the span have label 1",
        "grouped_auc": "no group by `user` has examples of both labels",
    }
    assert [*found.resampled] == ["calibration", "log_loss"]


def test_scores_that_are_no_numbers_leave_everything_undefined() -> None:
    examples, scores = drawn(6, grouped=True)
    scores[3] = np.nan

    found = scored(examples, scores, 10)

    assert found.values == {}
    assert "NaN or infinite" in found.undefined["auc"]


def test_few_units_have_no_interval() -> None:
    examples = Examples(np.array([0.0, 1.0, 1.0]), np.ones(3))

    found = scored(examples, np.array([0.1, 0.2, 0.3], np.float32), 10)

    assert found.values["auc"] == 1.0
    assert interval(found.resampled.get("auc")) is None


def test_interval_of_values_that_are_mostly_undefined_is_none() -> None:
    assert interval(np.array([np.nan, np.nan, 0.5])) is None
    assert interval(np.array([np.nan, 0.5, 0.5])) == (0.5, 0.5)
    assert interval(np.array([])) is None
