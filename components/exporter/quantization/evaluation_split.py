"""The evaluation split: the examples that a model is measured on.

Imports numpy and TensorFlow only: the program that measures a model loads this file by
its path, in a process without this project.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

_BATCH_SIZE = 1024


class EvaluationSplit:
    """Labels, weights and serialized examples of a split."""

    def __init__(
        self,
        files: Sequence[str],
        label: str,
        example_weight: str | None,
        metrics: Any,
    ):
        """Reads labels and weights.

        Args:
            files: gzipped TFRecords.
            label: column of labels, 0 or 1.
            example_weight: column of weights; None counts every example once.
            metrics: the module `components.evaluation.binary`.

        Raises:
            ValueError: if labels or weights are missing or out of range, or labels are
                all alike.
        """
        self._files = list(files)
        columns = [name for name in (label, example_weight) if name is not None]
        spec = {
            name: tf.io.FixedLenFeature([], tf.float32, math.nan) for name in columns
        }
        parsed = [tf.io.parse_example(batch, spec) for batch in self.batches()]
        labels, *weights = (
            np.concatenate([np.empty(0), *(batch[name] for batch in parsed)])
            for name in columns
        )
        _check(labels, (labels >= 0) & (labels <= 1), label, "from 0 to 1")
        for values in weights:
            is_weight = (values >= 0) & np.isfinite(values)
            _check(values, is_weight, str(example_weight), "0 or more and finite")
        self._labels = labels
        self._weights = weights[0] if weights else np.ones_like(labels)
        self._metrics = metrics
        distribution = metrics.Labels()
        distribution.add(self._labels, self._weights)
        if distribution.fault:
            raise ValueError(
                f"The price of compact tables cannot be measured, for normalized "
                f"entropy is undefined: {distribution.fault}. Hold out examples of "
                "both labels, or let serving.tables be float32."
            )

    def __len__(self) -> int:
        """Returns the number of examples."""
        return len(self._labels)

    def batches(self) -> Iterator[tf.Tensor]:
        """Yields the serialized examples: string [batch]."""
        dataset = tf.data.TFRecordDataset(self._files, "GZIP")
        return iter(dataset.batch(_BATCH_SIZE).prefetch(2))

    def entropy(self, scores: np.ndarray) -> float:
        """Returns the normalized entropy of scores; infinite if one is not finite.

        Args:
            scores: float32 [examples], how likely the label is 1.
        """
        metrics = self._metrics.BinaryMetrics()
        metrics.add(self._labels, scores, self._weights)
        entropy: float = metrics.result().values.get("normalized_entropy", math.inf)
        return entropy


def _check(
    values: np.ndarray, is_valid: np.ndarray, column: str, expected: str
) -> None:
    if not is_valid.all():
        (wrong,) = np.nonzero(~is_valid)
        raise ValueError(
            f"Column `{column}` of the evaluation split: {len(wrong)} of {len(values)} "
            f"values are missing or not {expected}; the first is {values[wrong[0]]} in "
            f"example {wrong[0]}. Correct the data, or leave such examples out."
        )
