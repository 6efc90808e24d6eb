"""The split that a model is measured on: its labels, weights and entropy."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss

from shardline.components.evaluation import binary
from shardline.components.exporter.quantization.evaluation_split import EvaluationSplit


def test_entropy_is_what_the_trainer_reports(write_columns: Callable[..., str]) -> None:
    labels, counts = [1.0, 0.0, 0.0, 1.0, 1.0], [1.0, 0.5, 2.0, 0.0, 3.0]
    scores = np.array([0.9, 0.2, 0.99, 0.5, 0.0], np.float32)
    metrics = binary.BinaryMetrics()
    metrics.add(np.array(labels), scores, np.array(counts))
    clipped = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    base = np.full(5, np.average(labels, weights=counts))
    loss, base_loss = (
        log_loss(labels, predicted, sample_weight=counts)
        for predicted in (clipped, base)
    )

    split = EvaluationSplit(
        [write_columns(label=labels, counts=counts)], "label", "counts", binary
    )

    assert len(split) == 5
    assert split.entropy(scores) == metrics.result().values["normalized_entropy"]
    assert split.entropy(scores) == pytest.approx(loss / base_loss, rel=1e-12)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_have_no_entropy(
    write_columns: Callable[..., str], wrong: float
) -> None:
    split = EvaluationSplit([write_columns(label=[1.0, 0.0])], "label", None, binary)

    assert split.entropy(np.array([0.5, wrong], np.float32)) == math.inf


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"label": [1.0, 0.0, math.nan], "counts": [1.0] * 3},
            r"`label` of the evaluation split: 1 of 3 values .* 1; the first is nan in "
            "example 2",
        ),
        (
            {"label": [1.0, None, None], "counts": [1.0] * 3},
            "2 of 3 .* first is nan in",
        ),
        ({"label": [1.0, 0.0, 2.0], "counts": [1.0] * 3}, "the first is 2.0 in"),
        ({"label": [1.0, 0.0], "counts": [1.0, -1.0]}, "`counts` .* 0 or more and fin"),
        ({"label": [1.0, 0.0], "counts": [1.0, math.inf]}, "the first is inf in"),
        ({"label": [1.0, 0.0], "counts": [1.0, None]}, "the first is nan in example 1"),
        (
            {"label": [1.0, 1.0], "counts": [1.0, 1.0]},
            r"undefined: all 2 evaluation examples have label 1\. Hold out",
        ),
        (
            {"label": [1.0, 0.0], "counts": [0.0, 1.0]},
            "of 2 evaluation examples only 1 has a weight above 0, and its label is 0",
        ),
        (
            {"label": [1.0, 0.0], "counts": [0.0, 0.0]},
            "the weight of all 2 evaluation examples is 0",
        ),
        ({"label": [], "counts": []}, "there are no evaluation examples"),
    ],
    ids=str,
)
def test_split_without_a_defined_entropy_is_refused(
    write_columns: Callable[..., str], columns: dict[str, Any], message: str
) -> None:
    file = write_columns(**columns)

    with pytest.raises(ValueError, match=message):
        EvaluationSplit([file], "label", "counts", binary)
