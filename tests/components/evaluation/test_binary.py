"""Metrics against scikit-learn and numpy, and what is said where there are none."""

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from shardline.components.evaluation.binary import BinaryMetrics, Judged, Labels

Examples = tuple[np.ndarray, np.ndarray, np.ndarray]


def drawn(
    examples: int, rate: float = 0.3, low: float = 0.0, width: float = 1.0
) -> Examples:
    """Labels, float32 scores from a range that tell a bit of them, and weights."""
    rng = np.random.default_rng(3)
    labels = (rng.random(examples) < rate).astype(np.float32)
    spread = np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0.01, 0.99)
    # Positives with a high score weigh more, so that weights matter.
    weights = rng.uniform(0, 2, examples) + 3 * labels * (spread > 0.6)
    weights[rng.random(examples) < 0.2] = 0
    scores = (low + width * spread).astype(np.float32)
    return labels, scores, weights.astype(np.float32)


def judged(*parts: Examples, **options: Any) -> Judged:
    metrics = BinaryMetrics(**options)
    for part in parts:
        metrics.add(*part)
    return metrics.result()


def in_parts(examples: Examples, size: int) -> list[Examples]:
    cuts = range(size, len(examples[0]), size)
    return list(zip(*(np.split(part, cuts) for part in examples), strict=True))


def sklearn_auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    return float(
        sklearn_metrics.roc_auc_score(
            labels, scores, sample_weight=weights.astype(np.float64)
        )
    )


@pytest.mark.parametrize(
    "examples",
    [
        drawn(500),
        # Clicks: the scores lie below the first of 2,000 even thresholds.
        drawn(200_000, rate=0.0006, low=0.0, width=0.0005),
        # Neighbours in float32.
        drawn(5_000, low=0.25, width=2**-20),
        drawn(500, low=1e-30, width=1e-30),
        drawn(500, low=1.0, width=0.0),
    ],
    ids=["even", "clicks", "tiny interval", "near 0", "constant"],
)
@pytest.mark.parametrize("weighted", [True, False])
def test_auc_is_exact(examples: Examples, weighted: bool) -> None:
    labels, scores, weights = examples
    weights = weights if weighted else np.ones_like(weights)

    result = judged(*in_parts((labels, scores, weights), 7_001))

    assert result.values["auc"] == pytest.approx(
        sklearn_auc(labels, scores, weights), abs=1e-12
    )
    assert result.auc_error == 0
    assert not result.undefined


def test_ties_count_half() -> None:
    labels, scores, weights = drawn(3_000)
    scores = np.round(scores, 1)
    positives, negatives = scores[labels == 1, None], scores[labels == 0]
    wins = (positives > negatives) + 0.5 * (positives == negatives)
    exact = weights.astype(np.float64)
    counts = np.outer(exact[labels == 1], exact[labels == 0])

    auc = judged((labels, scores, weights)).values["auc"]

    assert auc == pytest.approx((counts * wins).sum() / counts.sum(), abs=1e-12)


def test_scores_of_both_signs_are_in_order() -> None:
    scores = np.array([-2, -1, -0.0, 0.0, 1, 2], np.float32)
    labels = np.array([0, 0, 1, 0, 1, 1], np.float32)

    auc = judged((labels, scores, np.ones(6))).values["auc"]

    assert auc == pytest.approx(8.5 / 9)


def test_label_between_0_and_1_is_two_examples() -> None:
    labels, scores, weights = drawn(300)
    soft, weights = np.clip(labels, 0.25, 0.75), weights.astype(np.float64)
    twice = [np.concatenate([part, part]) for part in (scores, weights)]
    hard = np.repeat([1.0, 0.0], 300)
    split = np.concatenate([soft, 1 - soft]) * twice[1]

    found = judged((soft, scores, weights)).values
    expected = judged((hard, twice[0], split)).values

    assert found == pytest.approx(expected, rel=1e-12)


def test_order_and_parts_do_not_matter() -> None:
    examples = drawn(2_000)
    order = np.random.default_rng(1).permutation(2_000)
    whole = judged(examples)
    halves = [BinaryMetrics(), BinaryMetrics()]
    labels, scores, weights = (part[order] for part in examples)
    parts = in_parts((labels, scores, weights), 100)
    for half, part in zip(itertools.cycle(halves), parts, strict=False):
        half.add(*part)
    halves[0].merge(halves[1])

    assert halves[0].result().values == pytest.approx(whole.values, rel=1e-12)


@pytest.mark.parametrize("most", [10, 100, 1000])
def test_of_too_many_scores_the_error_is_bounded_and_told(most: int) -> None:
    labels, scores, weights = drawn(5_000, low=0.25, width=2**-12)
    exact = sklearn_auc(labels, scores, weights)

    result = judged(*in_parts((labels, scores, weights), 999), most_scores=most)

    assert 0 < abs(result.values["auc"] - exact) <= result.auc_error
    assert result.auc_error < 2 / most


def test_what_is_dropped_of_scores_does_not_depend_on_the_order() -> None:
    labels, scores, weights = drawn(5_000, low=0.25, width=2**-12)
    order = np.argsort(scores)
    first, second = BinaryMetrics(most_scores=64), BinaryMetrics(most_scores=64)
    for metrics, part in zip(
        (first, second),
        in_parts((labels[order], scores[order], weights[order]), 4_000),
        strict=True,
    ):
        metrics.add(*part)
    second.merge(first)

    whole = judged((labels, scores, weights), most_scores=64)
    assert second.result().values["auc"] == pytest.approx(
        whole.values["auc"], abs=1e-12
    )
    assert second.result().auc_error == pytest.approx(whole.auc_error)


@pytest.mark.parametrize("rate", [0.3, 0.002])
def test_normalized_entropy_is_log_loss_over_that_of_the_base_rate(rate: float) -> None:
    labels, scores, weights = drawn(20_000, rate)
    base = np.full(len(labels), np.average(labels, weights=weights))
    loss, base_loss = (
        sklearn_metrics.log_loss(
            labels.astype(np.float64),
            predicted.astype(np.float64),
            sample_weight=weights.astype(np.float64),
        )
        for predicted in (scores, base)
    )

    found = judged(*in_parts((labels, scores, weights), 333)).values

    assert found["normalized_entropy"] == pytest.approx(loss / base_loss, rel=1e-6)


def test_certain_scores_have_a_finite_loss() -> None:
    labels, scores = np.array([1, 0, 1]), np.array([0, 1, 1], np.float32)

    found = judged((labels, scores, np.ones(3))).values

    base = -(2 * math.log(2 / 3) + math.log(1 / 3))
    expected = (-2 * math.log(1e-7) - math.log1p(-1e-7)) / base
    assert found["normalized_entropy"] == pytest.approx(expected, rel=1e-9)


def test_calibration_is_predicted_over_observed() -> None:
    labels, scores, weights = drawn(20_000)

    found = judged(*in_parts((labels, scores, weights), 333)).values

    w = weights.astype(np.float64)
    assert found["calibration"] == pytest.approx((w @ scores) / (w @ labels), rel=1e-12)


ONES, ZEROS, HALVES = np.ones(3), np.zeros(3), np.full(3, 0.5, np.float32)


@pytest.mark.parametrize(
    ("examples", "undefined", "why"),
    [
        ((ONES, HALVES, ONES), 2, "all 3 evaluation examples have label 1"),
        ((ZEROS, HALVES, ONES), 3, "all 3 evaluation examples have label 0"),
        (
            (np.array([1, 0, 0]), HALVES, ZEROS),
            3,
            "the weight of all 3 evaluation examples is 0",
        ),
        (
            (np.array([1, 0, 0]), HALVES, np.array([0, 1, 2])),
            3,
            "of 3 evaluation examples only 2 have a weight above 0, and all their "
            "labels are 0",
        ),
        (
            (np.array([1, 0, 0]), HALVES, np.array([2, 0, 0])),
            2,
            "of 3 evaluation examples only 1 has a weight above 0, and its label is 1",
        ),
        (
            (np.ones(1), HALVES[:1], np.ones(1)),
            2,
            "the only one of the evaluation examples has label 1",
        ),
        ((ONES[:0], HALVES[:0], ONES[:0]), 3, "there are no evaluation examples"),
        (
            (np.array([1, 0, 0]), np.array([0.5, np.nan, np.inf]), ONES),
            3,
            "2 of the scores of 3 evaluation examples are NaN or infinite",
        ),
    ],
    ids=str,
)
def test_undefined_metric_is_no_number_and_says_why(
    examples: Examples, undefined: int, why: str
) -> None:
    result = judged(examples)

    names = ["auc", "normalized_entropy", "calibration"]
    assert result.undefined == dict.fromkeys(names[:undefined], why)
    assert list(result.values) == names[undefined:]
    json.dumps(result.values, allow_nan=False)
    shown = "AUC and normalized entropy are undefined: "
    if undefined == 3:
        shown = "AUC, normalized entropy and calibration are undefined: "
    assert result.undefined_lines == [shown + why]


def test_constant_scores_have_an_auc_of_one_half() -> None:
    result = judged((np.array([1, 0, 0]), HALVES, ONES))

    assert result.values["auc"] == 0.5
    assert not result.undefined


def test_labels_are_both_once_each_weighs_something() -> None:
    labels = Labels("training examples")

    labels.add(np.array([1, 0]), np.array([1, 0]))
    assert not labels.both
    labels.add(np.array([0]), np.array([0.5]))

    assert labels.both
    assert labels.fault == ""
