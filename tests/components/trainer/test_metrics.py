"""Metrics against scikit-learn and numpy, over weighted batches with fillers."""

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from components.trainer.metrics import (
    Calibration,
    NormalizedEntropy,
    evaluation_metrics,
)

EXAMPLES = 500


@pytest.fixture(scope="module")
def batches() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Labels, scores and weights; the last third of each batch only fills it up."""
    rng = np.random.default_rng(3)
    made = []
    for _ in range(4):
        labels = rng.integers(0, 2, EXAMPLES).astype(np.float32)
        scores = np.clip(rng.normal(0.3 + 0.3 * labels, 0.2), 0.01, 0.99)
        # Positives with a high score weigh more, so that weights matter.
        weights = rng.uniform(0, 2, EXAMPLES) + 3 * labels * (scores > 0.6)
        weights[2 * EXAMPLES // 3 :] = 0
        made.append((labels, scores.astype(np.float32), weights.astype(np.float32)))
    return made


@pytest.fixture(scope="module")
def counted(batches: Any) -> tuple[np.ndarray, ...]:
    """Labels, scores and weights of the examples that count."""
    return tuple(
        np.concatenate([batch[part][batch[2] > 0] for batch in batches])
        for part in (0, 1, 2)
    )


@pytest.fixture(scope="module")
def results(batches: Any) -> dict[str, float]:
    """What the metrics give."""
    metrics = evaluation_metrics()
    for labels, scores, weights in batches:
        for metric in metrics:
            metric.update_state(labels, scores, sample_weight=weights)
    return {metric.name: float(metric.result()) for metric in metrics}


def test_metrics_have_these_names(results: dict[str, float]) -> None:
    assert list(results) == ["auc", "normalized_entropy", "calibration"]


def test_auc_is_that_of_scikit_learn(results: dict[str, float], counted: Any) -> None:
    labels, scores, weights = counted
    expected = sklearn_metrics.roc_auc_score(labels, scores, sample_weight=weights)

    assert expected > sklearn_metrics.roc_auc_score(labels, scores) + 0.01
    assert results["auc"] == pytest.approx(expected, abs=1e-3)


def test_normalized_entropy_is_log_loss_over_that_of_the_base_rate(
    results: dict[str, float], counted: Any
) -> None:
    labels, scores, weights = counted
    base = np.full_like(scores, np.average(labels, weights=weights))
    loss, base_loss = (
        sklearn_metrics.log_loss(labels, predicted, sample_weight=weights)
        for predicted in (scores, base)
    )
    expected = loss / base_loss

    assert results["normalized_entropy"] == pytest.approx(expected, rel=1e-5)


def test_calibration_is_predicted_over_observed(
    results: dict[str, float], counted: Any
) -> None:
    labels, scores, weights = counted

    assert results["calibration"] == pytest.approx(
        (weights * scores).sum() / (weights * labels).sum(), rel=1e-5
    )


def test_base_rate_has_a_normalized_entropy_of_one() -> None:
    metric = NormalizedEntropy()
    labels = np.array([1, 0, 0, 0], np.float32)

    metric.update_state(labels, np.full(4, 0.25, np.float32), np.ones(4, np.float32))

    assert float(metric.result()) == pytest.approx(1.0, rel=1e-5)


def test_calibrated_scores_have_a_calibration_of_one() -> None:
    metric = Calibration()
    labels = np.array([1, 0], np.float32)

    metric.update_state(
        labels, np.array([0.7, 0.3], np.float32), np.ones(2, np.float32)
    )

    assert float(metric.result()) == pytest.approx(1.0)


def test_reset_metric_starts_at_zero() -> None:
    metric = Calibration()
    ones = np.ones(2, np.float32)
    metric.update_state(ones, ones, ones)

    metric.reset_state()
    metric.update_state(ones, ones * 0.5, ones)

    assert float(metric.result()) == pytest.approx(0.5)
