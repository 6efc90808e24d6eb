"""The metrics of `components.evaluation.binary` as TFMA's Evaluator computes them.

TFMA's own AUC is that of 10,000 thresholds spread evenly over the scores from 0 to 1,
which tells little about clicks: nearly all of their scores lie below the first ones.

An undefined metric is absent from the evaluator's results, and a threshold on it is not
met.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types, metric_util

from shardline.components.evaluation.binary import METRICS, BinaryMetrics, Judged

_SHARED = "_binary_metrics"
_AT_ONCE = 1024

_Result = tuple[Judged, int]
_Read = Callable[[_Result], Any]


class _Accumulator:
    """Metrics so far, and examples that are not among them yet."""

    def __init__(self) -> None:
        self.metrics = BinaryMetrics()
        self.examples: list[tuple[float, float, float]] = []

    def flush(self) -> None:
        """Adds the examples to the metrics."""
        if self.examples:
            labels, scores, weights = np.array(self.examples).T
            self.metrics.add(labels, scores, weights)
            self.examples = []


def judged_examples(
    element: metric_types.StandardMetricInputs,
    key: metric_types.MetricKey,
    eval_config: Any,
) -> Iterator[tuple[float, float, float]]:
    """Yields label, score and weight of each example that TFMA gives a metric.

    Args:
        element: the input of a combiner.
        key: of the metric.
        eval_config: of the evaluation.
    """
    for example in metric_util.to_label_prediction_example_weight(
        element,
        eval_config=eval_config,
        model_name=key.model_name,
        output_name=key.output_name,
        sub_key=key.sub_key,
        example_weighted=key.example_weighted,
    ):
        label, score, weight = (float(part.item()) for part in example)
        yield label, score, weight


class _BinaryMetricsFn(beam.CombineFn):
    """Computes all metrics at once; the metrics of a run share it."""

    def __init__(self, key: metric_types.MetricKey, eval_config: Any):
        self._key = key
        self._eval_config = eval_config

    def create_accumulator(self) -> _Accumulator:
        return _Accumulator()

    def add_input(
        self, accumulator: _Accumulator, element: metric_types.StandardMetricInputs
    ) -> _Accumulator:
        accumulator.examples += judged_examples(element, self._key, self._eval_config)
        if len(accumulator.examples) >= _AT_ONCE:
            accumulator.flush()
        return accumulator

    def merge_accumulators(self, accumulators: Any) -> _Accumulator:
        merged = self.create_accumulator()
        for accumulator in accumulators:
            accumulator.flush()
            merged.metrics.merge(accumulator.metrics)
        return merged

    def compact(self, accumulator: _Accumulator) -> _Accumulator:
        accumulator.flush()
        accumulator.metrics.compact()
        return accumulator

    def extract_output(
        self, accumulator: _Accumulator
    ) -> dict[metric_types.MetricKey, _Result]:
        accumulator.flush()
        metrics = accumulator.metrics
        return {self._key: (metrics.result(), metrics.not_finite)}


def _computations(read: _Read) -> Callable[..., metric_types.MetricComputations]:
    """Returns what makes the computations of a metric; None of `read` leaves it out."""

    def create(
        name: str,
        eval_config: Any = None,
        model_name: str = "",
        output_name: str = "",
        sub_key: metric_types.SubKey | None = None,
        example_weighted: bool = False,
    ) -> metric_types.MetricComputations:
        shared, key = (
            metric_types.MetricKey(
                name=some,
                model_name=model_name,
                output_name=output_name,
                sub_key=sub_key,
                example_weighted=example_weighted,
            )
            for some in (_SHARED, name)
        )

        def result(metrics: dict[metric_types.MetricKey, _Result]) -> dict[Any, Any]:
            value = read(metrics[shared])
            return {} if value is None else {key: value}

        combiner = _BinaryMetricsFn(shared, eval_config)
        return [
            metric_types.MetricComputation([shared], None, combiner),
            metric_types.DerivedMetricComputation([key], result),
        ]

    merged: Callable[..., Any] = metric_util.merge_per_key_computations(create)
    return merged


def _value(name: str) -> _Read:
    return lambda result: result[0].values.get(name)


class ExactAUC(tfma.metrics.Metric):
    """The area under the ROC curve, exact; ties count half."""

    def __init__(self, name: str = "auc", code_version: str = ""):
        """Names it.

        Args:
            name: in the results.
            code_version: of this package. TFX reuses an evaluation of equal settings,
                and this makes them differ when the code does.
        """
        super().__init__(_computations(_value("auc")), name=name)
        self.code_version = code_version

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "code_version": self.code_version}


class NormalizedEntropy(tfma.metrics.Metric):
    """Mean log loss over that of always predicting the base rate."""

    def __init__(self, name: str = "normalized_entropy"):
        """Names it."""
        super().__init__(_computations(_value("normalized_entropy")), name=name)


class ExactCalibration(tfma.metrics.Metric):
    """Sum of the scores over the number of positives."""

    def __init__(self, name: str = "calibration"):
        """Names it."""
        super().__init__(_computations(_value("calibration")), name=name)


class ScoresNotFinite(tfma.metrics.Metric):
    """How many scores are NaN or infinite."""

    def __init__(self, name: str = "scores_not_finite"):
        """Names it."""
        super().__init__(_computations(lambda result: float(result[1])), name=name)


class Undefined(tfma.metrics.Metric):
    """Why metrics are undefined: JSON, a reason by name; absent if all are defined."""

    def __init__(self, name: str = "undefined"):
        """Names it."""
        super().__init__(
            _computations(lambda result: _as_json(result[0].undefined)), name=name
        )


def _as_json(undefined: dict[str, str]) -> str | None:
    return json.dumps(undefined) if undefined else None


def judged_of(results: Mapping[str, Mapping[str, Any]]) -> Judged:
    """Returns what TFMA's results of a slice say.

    Args:
        results: by metric, as `EvalResult.get_metrics_for_slice` gives them.
    """
    values = {
        name: float(results[name]["doubleValue"]) for name in METRICS if name in results
    }
    undefined = {}
    if "undefined" in results:
        text = base64.b64decode(results["undefined"]["bytesValue"])
        undefined = json.loads(text)
    return Judged(values, undefined)
