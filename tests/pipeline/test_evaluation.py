"""What the Evaluator blesses a model by."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shardline.components.execution.code_version import code_version
from shardline.configs import load_run
from shardline.pipeline.evaluation import evaluation_config


def asked_of_all(metric: Any) -> Any:
    """Returns the bounds of a metric over all examples, the only ones it has."""
    assert not metric.HasField("threshold")
    (of_all,) = metric.per_slice_thresholds
    (everything,) = of_all.slicing_specs
    assert not everything.feature_keys
    return of_all.threshold.value_threshold


def test_evaluation_blesses_from_the_floor_on(
    small_config: Callable[..., Path],
) -> None:
    config = evaluation_config(load_run(small_config(min_auc="0.75")))

    (spec,) = config.model_specs
    assert (spec.signature_name, spec.label_key) == ("serving_default", "label")
    by_class = {m.class_name: m for m in config.metrics_specs[0].metrics}
    auc = by_class["ExactAUC"]
    assert asked_of_all(auc).lower_bound.value == 0.75
    assert code_version("shardline.components.evaluation.tfma_metrics") in auc.config


def test_floor_of_0_asks_for_no_auc(small_config: Callable[..., Path]) -> None:
    config = evaluation_config(load_run(small_config(min_auc="0")))

    by_class = {m.class_name: m for m in config.metrics_specs[0].metrics}
    assert not by_class["ExactAUC"].per_slice_thresholds
    finite = asked_of_all(by_class["ScoresNotFinite"])
    assert finite.upper_bound.value == 0
    assert finite.HasField("upper_bound")


def test_groups_and_slices_are_those_of_the_run(
    small_config: Callable[..., Path],
) -> None:
    run = load_run(small_config())
    evaluation = run.evaluation.model_copy(
        update={"group_by": "user_id", "slices": ("gender", "genres")}
    )

    plain = evaluation_config(run)
    config = evaluation_config(run.model_copy(update={"evaluation": evaluation}))

    keys = [[*spec.feature_keys] for spec in config.slicing_specs]
    assert keys == [[], ["gender"], ["genres"]]
    assert [[*spec.feature_keys] for spec in plain.slicing_specs] == [[]]
    (added,) = config.metrics_specs[0].metrics[len(plain.metrics_specs[0].metrics) :]
    assert added.class_name == "GroupedAUC"
    assert json.loads(added.config)["group_by"] == "user_id"
