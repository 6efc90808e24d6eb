"""Metrics of click models that Keras does not have, over weighted streams."""

from typing import Any

import keras
from keras import ops


class NormalizedEntropy(keras.metrics.Metric):
    """Mean log loss over the log loss of always predicting the base rate.

    1 is no better than the base rate, lower is better. He et al., "Practical Lessons
    from Predicting Clicks on Ads at Facebook", 2014.
    """

    def __init__(self, name: str = "normalized_entropy"):
        """Starts at zero."""
        super().__init__(name=name)
        self._loss = self.add_variable((), "zeros", name="loss")
        self._positives = self.add_variable((), "zeros", name="positives")
        self._count = self.add_variable((), "zeros", name="count")

    def update_state(self, labels: Any, scores: Any, sample_weight: Any) -> None:
        """Adds a batch: labels 0 or 1, scores in (0, 1), weights; float32 [batch]."""
        losses = ops.binary_crossentropy(labels, scores)
        self._loss.assign_add(ops.sum(losses * sample_weight))
        self._positives.assign_add(ops.sum(labels * sample_weight))
        self._count.assign_add(ops.sum(sample_weight))

    def result(self) -> Any:
        """Returns the ratio; infinite or undefined when all labels are equal."""
        rate = self._positives / self._count
        base = -rate * ops.log(rate) - (1 - rate) * ops.log(1 - rate)
        return self._loss / self._count / base


class Calibration(keras.metrics.Metric):
    """Sum of the scores over the number of positives; 1 is calibrated."""

    def __init__(self, name: str = "calibration"):
        """Starts at zero."""
        super().__init__(name=name)
        self._predicted = self.add_variable((), "zeros", name="predicted")
        self._positives = self.add_variable((), "zeros", name="positives")

    def update_state(self, labels: Any, scores: Any, sample_weight: Any) -> None:
        """Adds a batch: labels 0 or 1, scores in (0, 1), weights; float32 [batch]."""
        self._predicted.assign_add(ops.sum(scores * sample_weight))
        self._positives.assign_add(ops.sum(labels * sample_weight))

    def result(self) -> Any:
        """Returns the ratio."""
        return self._predicted / self._positives


def evaluation_metrics() -> list[keras.metrics.Metric]:
    """Returns fresh metrics of a binary classifier."""
    return [
        keras.metrics.AUC(num_thresholds=2000, name="auc"),
        NormalizedEntropy(),
        Calibration(),
    ]
