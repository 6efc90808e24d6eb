"""Grouped AUC, of `components.evaluation.grouped`, as TFMA's Evaluator computes it.

It needs all scores of a group at once, so it holds label, score, weight and group of
each example: some 32 bytes, and the text of each group once.
"""

from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types, metric_util

from shardline.components.evaluation.grouped import auc_by_group
from shardline.components.evaluation.tfma_metrics import judged_examples
from shardline.configs.shown import shown

_AT_ONCE = 4096


class _Accumulator:
    """Examples so far: groups by their number, and the rest as parts of arrays."""

    def __init__(self) -> None:
        self.groups: dict[Any, int] = {}
        self.parts: list[np.ndarray] = []
        self.pending: list[tuple[float, float, float, int]] = []

    def add(self, group: Any, label: float, score: float, weight: float) -> None:
        number = self.groups.setdefault(group, len(self.groups))
        self.pending.append((label, score, weight, number))
        if len(self.pending) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        if self.pending:
            self.parts.append(np.array(self.pending))
            self.pending = []

    def merge(self, other: "_Accumulator") -> None:
        other.flush()
        numbers = np.array(
            [self.groups.setdefault(g, len(self.groups)) for g in other.groups]
        )
        for part in other.parts:
            renumbered = part.copy()
            renumbered[:, 3] = numbers[part[:, 3].astype(np.int64)]
            self.parts.append(renumbered)

    def examples(self) -> np.ndarray:
        self.flush()
        return np.concatenate([np.empty((0, 4)), *self.parts])


class _GroupedFn(beam.CombineFn):
    """Gathers examples by group, and computes in the end."""

    def __init__(self, key: metric_types.MetricKey, eval_config: Any, column: str):
        self._key = key
        self._eval_config = eval_config
        self._column = column

    def create_accumulator(self) -> _Accumulator:
        return _Accumulator()

    def add_input(
        self, accumulator: _Accumulator, element: metric_types.StandardMetricInputs
    ) -> _Accumulator:
        group = _group(element.features.get(self._column), self._column)
        for judged in judged_examples(element, self._key, self._eval_config):
            accumulator.add(group, *judged)
        return accumulator

    def merge_accumulators(self, accumulators: Any) -> _Accumulator:
        merged = self.create_accumulator()
        for accumulator in accumulators:
            merged.merge(accumulator)
        return merged

    def extract_output(
        self, accumulator: _Accumulator
    ) -> dict[metric_types.MetricKey, float]:
        labels, scores, weights, groups = accumulator.examples().T
        if not np.isfinite(scores).all():
            return {}
        scores = scores.astype(np.float32)
        mean = auc_by_group(labels, scores, weights, groups.astype(np.int64)).mean
        return {} if mean is None else {self._key: mean}


def _group(values: Any, column: str) -> Any:
    """Returns what an example is grouped by; None if it has no value.

    Raises:
        ValueError: if it has several.
    """
    flat = np.asarray([] if values is None else values).reshape(-1).tolist()
    if len(flat) > 1:
        raise ValueError(
            f"Column `{shown(column)}` (evaluation.group_by) has {len(flat)} values in "
            "an example. Group by a column that has one."
        )
    return flat[0] if flat else None


class GroupedAUC(tfma.metrics.Metric):
    """The mean of the exact AUC of each group, weighted with its examples' weight."""

    def __init__(
        self, group_by: str, name: str = "grouped_auc", code_version: str = ""
    ):
        """Names it.

        Args:
            group_by: the raw column of groups, such as the user's.
            name: in the results.
            code_version: of this package, as in `tfma_metrics.ExactAUC`.
        """

        def create(
            name: str,
            eval_config: Any = None,
            model_name: str = "",
            output_name: str = "",
            sub_key: metric_types.SubKey | None = None,
            example_weighted: bool = False,
        ) -> metric_types.MetricComputations:
            key = metric_types.MetricKey(
                name=name,
                model_name=model_name,
                output_name=output_name,
                sub_key=sub_key,
                example_weighted=example_weighted,
            )
            features = metric_types.FeaturePreprocessor(feature_keys=[group_by])
            combiner = _GroupedFn(key, eval_config, group_by)
            return [metric_types.MetricComputation([key], [features], combiner)]

        super().__init__(metric_util.merge_per_key_computations(create), name=name)
        self.group_by = group_by
        self.code_version = code_version

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "group_by": self.group_by,
            "code_version": self.code_version,
        }
