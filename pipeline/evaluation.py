"""What the Evaluator judges an exported model by, as TFMA's configuration."""

import json

# isort: off
from tfx import components  # noqa: F401  TFMA lacks names if it is imported before
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto.config_pb2 import PerSliceMetricThreshold

# isort: on

from shardline.components.evaluation import tfma_grouped, tfma_metrics
from shardline.components.execution.code_version import code_version
from shardline.configs.schema import Run


def evaluation_config(run: Run) -> tfma.EvalConfig:
    """Returns what the exported model is judged by: AUC above the run's floor.

    A floor of 0 asks for no AUC, so that one may be undefined; scores that are no
    numbers never pass. Slices are shown, and no floor is asked of them.
    """
    evaluation = run.evaluation
    metrics = [
        _metric(
            "ExactAUC",
            _threshold(lower_bound=evaluation.min_auc) if evaluation.min_auc else None,
            code_version=code_version(tfma_metrics.__name__),
        ),
        _metric("NormalizedEntropy"),
        _metric("ExactCalibration"),
        _metric("ScoresNotFinite", _threshold(upper_bound=0.0)),
        _metric("Undefined"),
        tfma.MetricConfig(class_name="ExampleCount"),
    ]
    if evaluation.group_by:
        metrics.append(
            _metric(
                "GroupedAUC",
                module=tfma_grouped.__name__,
                group_by=evaluation.group_by,
                code_version=code_version(tfma_grouped.__name__),
            )
        )
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                signature_name="serving_default",
                label_key=run.data.label,
                example_weight_key=run.data.example_weight,
                prediction_key="scores",
            )
        ],
        slicing_specs=[
            tfma.SlicingSpec(),
            *(tfma.SlicingSpec(feature_keys=[name]) for name in evaluation.slices),
        ],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )


def _metric(
    class_name: str,
    threshold: tfma.MetricThreshold | None = None,
    module: str = tfma_metrics.__name__,
    **config: str,
) -> tfma.MetricConfig:
    """Returns one of this project's metrics, as TFMA names it."""
    of_all = PerSliceMetricThreshold(
        slicing_specs=[tfma.SlicingSpec()], threshold=threshold
    )
    return tfma.MetricConfig(
        class_name=class_name,
        module=module,
        config=json.dumps(config) if config else "",
        # A plain threshold would be asked of every slice.
        per_slice_thresholds=[of_all] if threshold else [],
    )


def _threshold(**bounds: float) -> tfma.MetricThreshold:
    values = {name: {"value": bound} for name, bound in bounds.items()}
    return tfma.MetricThreshold(value_threshold=tfma.GenericValueThreshold(**values))
