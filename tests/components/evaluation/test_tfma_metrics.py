"""What TFMA's Evaluator says of scores, and when it blesses a model: run for real."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pandas as pd
import pytest
import tensorflow_model_analysis as tfma
from sklearn.metrics import roc_auc_score

from shardline.components.evaluation.binary import BinaryMetrics, Judged
from shardline.components.evaluation.tfma_metrics import judged_of
from shardline.components.execution.in_memory_beam import IN_MEMORY_RUNNER
from shardline.configs import load_run
from shardline.pipeline.evaluation import evaluation_config


class Evaluated(NamedTuple):
    """What came of an evaluation."""

    judged: Judged
    results: dict[str, Any]
    is_blessed: bool


@pytest.fixture
def evaluate(
    small_config: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Evaluated]:
    """Has TFMA judge scores by the configuration of a run, in memory."""
    in_memory = functools.partial(beam.Pipeline, runner=IN_MEMORY_RUNNER)
    monkeypatch.setattr(beam, "Pipeline", in_memory)

    def judge(
        labels: np.ndarray, scores: np.ndarray, weights: np.ndarray, min_auc: float
    ) -> Evaluated:
        config = evaluation_config(load_run(small_config(min_auc=str(min_auc))))
        config.model_specs[0].example_weight_key = "weight"
        data = pd.DataFrame({"label": labels, "scores": scores, "weight": weights})
        result = tfma.analyze_raw_data(data, config, output_path=str(tmp_path))
        results = result.get_metrics_for_slice()
        blessing = tfma.load_validation_result(str(tmp_path))
        return Evaluated(judged_of(results), results, blessing.validation_ok)

    return judge


def clicks(examples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores all below the first even threshold, and weights, float32."""
    rng = np.random.default_rng(5)
    labels = rng.random(examples) < 0.01
    scores = rng.gamma(2, 0.00005, examples) + 0.00005 * labels
    weights = rng.uniform(0, 2, examples) * (rng.random(examples) < 0.8)
    return (
        labels.astype(np.float32),
        scores.round(7).astype(np.float32),
        weights.astype(np.float32),
    )


def test_evaluator_tells_the_exact_auc_which_is_the_trainers(
    evaluate: Callable[..., Evaluated],
) -> None:
    labels, scores, weights = clicks(3_000)
    exact = float(
        roc_auc_score(labels, scores, sample_weight=weights.astype(np.float64))
    )
    trainers = BinaryMetrics()
    trainers.add(labels, scores, weights)

    found = evaluate(labels, scores, weights, min_auc=exact - 1e-9)

    assert found.judged.values["auc"] == pytest.approx(exact, abs=1e-12)
    assert found.judged.values == pytest.approx(trainers.result().values, rel=1e-12)
    assert found.judged.undefined == {}
    assert found.is_blessed


def test_evaluator_does_not_bless_below_the_floor(
    evaluate: Callable[..., Evaluated],
) -> None:
    labels, scores, weights = clicks(3_000)
    exact = roc_auc_score(labels, scores, sample_weight=weights.astype(np.float64))

    found = evaluate(labels, scores, weights, min_auc=float(exact) + 1e-9)

    assert not found.is_blessed


@pytest.mark.parametrize(("min_auc", "is_blessed"), [(0.0, True), (0.1, False)])
@pytest.mark.parametrize("label", [0, 1])
def test_undefined_auc_passes_a_floor_of_0_alone(
    evaluate: Callable[..., Evaluated], label: int, min_auc: float, is_blessed: bool
) -> None:
    scores = np.linspace(0.1, 0.9, 20, dtype=np.float32)
    ones = np.ones(20, np.float32)

    found = evaluate(label * ones, scores, ones, min_auc=min_auc)

    assert found.is_blessed is is_blessed
    assert "auc" not in found.results
    why = f"all 20 evaluation examples have label {label}"
    assert found.judged.undefined["auc"] == why
    for value in found.results.values():
        assert np.isfinite(value.get("doubleValue", 0.0))


def test_scores_that_are_no_numbers_are_never_blessed(
    evaluate: Callable[..., Evaluated],
) -> None:
    labels, scores, weights = clicks(100)
    scores[7] = np.inf

    found = evaluate(labels, scores, weights, min_auc=0.0)

    assert not found.is_blessed
    assert found.judged.values == {}
    why = "1 of the scores of 100 evaluation examples are NaN or infinite"
    assert set(found.judged.undefined.values()) == {why}
