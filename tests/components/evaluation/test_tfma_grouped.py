"""Grouped AUC as TFMA's Evaluator tells it, of all examples and of slices."""

import functools
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import numpy as np
import pandas as pd
import pytest

# isort: off
from tfx import v1  # noqa: F401  TFMA lacks names if it is imported before
import tensorflow_model_analysis as tfma

# isort: on

from shardline.components.evaluation.grouped import auc_by_group
from shardline.components.execution.in_memory_beam import IN_MEMORY_RUNNER
from shardline.configs import load_run
from shardline.pipeline.evaluation import evaluation_config

EXAMPLES = 9_000  # more than are kept aside in one piece


@pytest.fixture
def evaluate(
    small_config: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[pd.DataFrame], tfma.EvalResult]:
    """Has TFMA judge scores, grouped by user and sliced by shop, in memory."""
    in_memory = functools.partial(beam.Pipeline, runner=IN_MEMORY_RUNNER)
    monkeypatch.setattr(beam, "Pipeline", in_memory)

    def judge(data: pd.DataFrame) -> tfma.EvalResult:
        run = load_run(small_config())
        evaluation = run.evaluation.model_copy(
            update={"group_by": "user", "slices": ("shop",), "min_auc": 0.6}
        )
        config = evaluation_config(run.model_copy(update={"evaluation": evaluation}))
        config.model_specs[0].example_weight_key = "weight"
        return tfma.analyze_raw_data(data, config, output_path=str(tmp_path))

    return judge


def clicks(draw: np.random.Generator) -> pd.DataFrame:
    """Examples of 50 users in two shops; the scores tell nothing in the second."""
    labels = draw.random(EXAMPLES) < 0.3
    shops = draw.random(EXAMPLES) < 0.1
    scores = draw.normal(0.4 + 0.2 * labels * ~shops, 0.1)
    return pd.DataFrame(
        {
            "label": labels.astype(np.float32),
            "scores": np.clip(scores, 0, 1).round(3).astype(np.float32),
            "weight": draw.uniform(0, 2, EXAMPLES).astype(np.float32),
            "user": [b"u%d" % number for number in draw.integers(50, size=EXAMPLES)],
            "shop": [b"b" if is_b else b"a" for is_b in shops],
        }
    )


def expected(data: pd.DataFrame) -> float:
    given = (data[name].to_numpy() for name in ("label", "scores", "weight"))
    _, groups = np.unique(data["user"].to_numpy(), return_inverse=True)
    mean = auc_by_group(*given, groups).mean
    assert mean is not None
    return mean


def test_evaluator_tells_grouped_auc_of_all_and_of_slices(
    evaluate: Callable[[pd.DataFrame], tfma.EvalResult], tmp_path: Path
) -> None:
    data = clicks(np.random.default_rng(0))

    result = evaluate(data)

    found = {
        name: result.get_metrics_for_slice(name)["grouped_auc"]["doubleValue"]
        for name in ((), (("shop", "a"),), (("shop", "b"),))
    }
    assert found[()] == pytest.approx(expected(data), abs=1e-12)
    for shop in "ab":
        of_shop = data[data["shop"] == shop.encode()]
        value = found[("shop", shop),]
        assert value == pytest.approx(expected(of_shop), abs=1e-12)
    # The floor is asked of all examples, not of the shop whose AUC is one half.
    shop_b = result.get_metrics_for_slice((("shop", "b"),))
    assert shop_b["auc"]["doubleValue"] < 0.6
    assert tfma.load_validation_result(str(tmp_path)).validation_ok


def test_groups_of_one_label_leave_the_metric_out(
    evaluate: Callable[[pd.DataFrame], tfma.EvalResult],
) -> None:
    data = clicks(np.random.default_rng(1)).iloc[:50].copy()
    data["user"] = [b"yes" if label else b"no" for label in data["label"]]

    assert "grouped_auc" not in evaluate(data).get_metrics_for_slice()


def test_several_values_to_group_by_are_refused(
    evaluate: Callable[[pd.DataFrame], tfma.EvalResult],
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = clicks(np.random.default_rng(2)).iloc[:4].copy()
    data["user"] = [[b"a", b"b"]] * 4

    with pytest.raises(RuntimeError):
        evaluate(data)

    # TFMA and Beam put their own words around it.
    assert "(evaluation.group_by) has 2 values in an example" in caplog.text
