"""What the Evaluator judges an exported model by, as TFMA's configuration."""

import json

# isort: off
from tfx import v1  # noqa: F401  TFMA lacks names if it is imported before
import tensorflow_model_analysis as tfma

# isort: on

from shardline.components.evaluation import tfma_metrics
from shardline.components.execution.code_version import code_version
from shardline.configs.schema import Run


def evaluation_config(run: Run) -> tfma.EvalConfig:
    """Returns what the exported model is judged by: AUC above the run's floor.

    A floor of 0 asks for no AUC, so that one may be undefined; scores that are no
    numbers never pass.
    """
    metrics = [
        _metric(
            "ExactAUC",
            _threshold(lower_bound=run.evaluation.min_auc)
            if run.evaluation.min_auc
            else None,
            code_version=code_version(tfma_metrics.__name__),
        ),
        _metric("NormalizedEntropy"),
        _metric("ExactCalibration"),
        _metric("ScoresNotFinite", _threshold(upper_bound=0.0)),
        _metric("Undefined"),
        tfma.MetricConfig(class_name="ExampleCount"),
    ]
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                signature_name="serving_default",
                label_key=run.data.label,
                example_weight_key=run.data.example_weight,
                prediction_key="scores",
            )
        ],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )


def _metric(
    class_name: str, threshold: tfma.MetricThreshold | None = None, **config: str
) -> tfma.MetricConfig:
    """Returns one of this project's metrics, as TFMA names it."""
    return tfma.MetricConfig(
        class_name=class_name,
        module=tfma_metrics.__name__,
        config=json.dumps(config) if config else "",
        threshold=threshold,
    )


def _threshold(**bounds: float) -> tfma.MetricThreshold:
    values = {name: {"value": bound} for name, bound in bounds.items()}
    return tfma.MetricThreshold(value_threshold=tfma.GenericValueThreshold(**values))
