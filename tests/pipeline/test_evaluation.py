"""What the Evaluator blesses a model by."""

from collections.abc import Callable
from pathlib import Path

# isort: off
from tfx import v1  # noqa: F401  TFMA lacks names if it is imported before
import tensorflow_model_analysis as tfma

# isort: on

from shardline.components.execution.code_version import code_version
from shardline.configs import load_run
from shardline.pipeline.evaluation import evaluation_config


def test_evaluation_blesses_from_the_floor_on(
    small_config: Callable[..., Path],
) -> None:
    config = evaluation_config(load_run(small_config(min_auc="0.75")))

    (spec,) = config.model_specs
    assert (spec.signature_name, spec.label_key) == ("serving_default", "label")
    by_class = {m.class_name: m for m in config.metrics_specs[0].metrics}
    auc = by_class["ExactAUC"]
    (threshold,) = auc.per_slice_thresholds  # of all examples, whatever slices say
    assert list(threshold.slicing_specs) == [tfma.SlicingSpec()]
    assert threshold.threshold.value_threshold.lower_bound.value == 0.75
    assert code_version("shardline.components.evaluation.tfma_metrics") in auc.config


def test_floor_of_0_asks_for_no_auc(small_config: Callable[..., Path]) -> None:
    config = evaluation_config(load_run(small_config(min_auc="0")))

    by_class = {m.class_name: m for m in config.metrics_specs[0].metrics}
    assert not by_class["ExactAUC"].per_slice_thresholds
    (threshold,) = by_class["ScoresNotFinite"].per_slice_thresholds
    finite = threshold.threshold.value_threshold
    assert finite.upper_bound.value == 0
    assert finite.HasField("upper_bound")
