"""Metrics of a binary classifier, exact over weighted examples that come in parts.

Everything that judges scores computes with this module, so that the trainer, the
evaluator and the measurement of rounded tables agree. It imports numpy only and nothing
of this project: `exporter.quantization.program` loads it by its path.

AUC takes the weight of positive and negative examples at each score. Scores are
float32, and of more than `MOST_SCORES` different ones the last bits are dropped, as few
as it takes. So the memory is bounded (20 bytes for each score that is kept, and several
times that while others are merged in: half a GB), the result does not depend on the
order of the examples, and `Judged.auc_error` bounds what that changes.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

METRICS = ("auc", "normalized_entropy", "calibration")
MOST_SCORES = 1 << 21
# As Keras clips scores for its cross-entropy.
_EPSILON = 1e-7
_SHOWN = {"auc": "AUC", "normalized_entropy": "normalized entropy"}
_PENDING = 1 << 17
_SIGN = np.uint32(1 << 31)


class Judged(NamedTuple):
    """The metrics of a model.

    Attributes:
        values: those that are defined, all finite: `auc`, `normalized_entropy` and
            `calibration`.
        undefined: why each of the others is not.
        auc_error: how far `auc` can be off; 0 if it is exact.
    """

    values: dict[str, float]
    undefined: dict[str, str]
    auc_error: float = 0.0

    def __str__(self) -> str:
        """Returns all metrics in a line, without those that are not defined."""
        return ", ".join(f"{name} {value:.4f}" for name, value in self.values.items())

    @property
    def undefined_lines(self) -> list[str]:
        """Which metrics are undefined, a line for each reason."""
        return undefined_lines(self.undefined)


class Labels:
    """Counts the labels of examples, to say which metrics they define."""

    def __init__(self, named: str = "evaluation examples"):
        """Starts with no example.

        Args:
            named: what the examples are, for people.
        """
        self.named = named
        self.examples = 0
        self.weighted = 0
        self.positives = 0.0
        self.negatives = 0.0

    def add(self, labels: np.ndarray, weights: np.ndarray) -> None:
        """Counts examples: labels from 0 to 1, weights of 0 or more; [examples]."""
        labels, weights = _float64(labels), _float64(weights)
        self.examples += len(labels)
        self.weighted += int(np.count_nonzero(weights))
        self.positives += float(labels @ weights)
        self.negatives += float((1 - labels) @ weights)

    def merge(self, other: "Labels") -> None:
        """Adds what another one has counted."""
        self.examples += other.examples
        self.weighted += other.weighted
        self.positives += other.positives
        self.negatives += other.negatives

    @property
    def both(self) -> bool:
        """Whether there are positive and negative examples of a weight above 0."""
        return self.positives > 0 and self.negatives > 0

    @property
    def fault(self) -> str:
        """Why labels are not `both`; "" if they are."""
        if self.both:
            return ""
        if not self.examples:
            return f"there are no {self.named}"
        if not self.weighted:
            return f"the weight of {_all(self.examples, self.named)} is 0"
        label = 1 if self.positives > 0 else 0
        if self.weighted == self.examples:
            have = "has" if self.examples == 1 else "have"
            return f"{_all(self.examples, self.named)} {have} label {label}"
        have = "has a weight above 0, and its label is"
        if self.weighted > 1:
            have = "have a weight above 0, and all their labels are"
        of_all = f"of {self.examples:,} {self.named} only {self.weighted:,}"
        return f"{of_all} {have} {label}"


class BinaryMetrics:
    """AUC, normalized entropy and calibration of scores."""

    def __init__(
        self, named: str = "evaluation examples", most_scores: int = MOST_SCORES
    ):
        """Starts with no example.

        Args:
            named: what the examples are, for people.
            most_scores: how many different scores are kept apart.
        """
        self._labels = Labels(named)
        self._not_finite = 0
        self._loss = 0.0
        self._predicted = 0.0
        self._ranks = _Ranks(most_scores)

    def add(self, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> None:
        """Adds examples.

        Args:
            labels: [examples], from 0 to 1.
            scores: float32 [examples], how likely the label is 1.
            weights: [examples], 0 or more and finite.
        """
        labels, weights = _float64(labels), _float64(weights)
        scores = np.asarray(scores, np.float32).reshape(-1)
        self._labels.add(labels, weights)
        is_finite = np.isfinite(scores)
        if not is_finite.all():
            self._not_finite += int(np.count_nonzero(~is_finite))
            labels, weights = labels[is_finite], weights[is_finite]
            scores = scores[is_finite]
        exact = scores.astype(np.float64)
        self._loss += float(log_losses(labels, exact) @ weights)
        self._predicted += float(exact @ weights)
        self._ranks.add(scores, labels * weights, (1 - labels) * weights)

    def merge(self, other: "BinaryMetrics") -> None:
        """Adds the examples of another one."""
        self._labels.merge(other._labels)
        self._not_finite += other._not_finite
        self._loss += other._loss
        self._predicted += other._predicted
        self._ranks.merge(other._ranks)

    def compact(self) -> None:
        """Takes no more memory than the different scores need."""
        self._ranks.compact()

    @property
    def not_finite(self) -> int:
        """How many scores are NaN or infinite."""
        return self._not_finite

    @property
    def log_loss(self) -> float | None:
        """The mean loss; None if a score is not finite, or no example has a weight."""
        total = self._labels.positives + self._labels.negatives
        return None if self._not_finite or not total else self._loss / total

    def result(self) -> Judged:
        """Returns the metrics, and why those that are not defined are not."""
        labels = self._labels
        if self._not_finite:
            why = (
                f"{self._not_finite:,} of the scores of {labels.examples:,} "
                f"{labels.named} are NaN or infinite"
            )
            return Judged({}, dict.fromkeys(METRICS, why))
        values, undefined, error = {}, undefined_by(labels), 0.0
        if "auc" not in undefined:
            values["auc"], error = self._ranks.auc()
            values["normalized_entropy"] = self._loss / _base_loss(labels)
        if "calibration" not in undefined:
            values["calibration"] = self._predicted / labels.positives
        return Judged(values, undefined, error)


class _Ranks:
    """The weight of positive and of negative examples at each score."""

    def __init__(self, most_scores: int):
        self._most = most_scores
        self._dropped_bits = 0
        self._keys = np.empty(0, np.uint32)
        self._weights = np.empty((2, 0))
        self._pending: list[tuple[np.ndarray, np.ndarray]] = []
        self._pending_size = 0

    def add(
        self, scores: np.ndarray, positives: np.ndarray, negatives: np.ndarray
    ) -> None:
        keys = _ordered(scores) >> np.uint32(self._dropped_bits)
        self._append(keys, np.stack([positives, negatives]))

    def merge(self, other: "_Ranks") -> None:
        other.compact()
        self._drop_bits(other._dropped_bits)
        keys = other._keys >> np.uint32(self._dropped_bits - other._dropped_bits)
        self._append(keys, other._weights)

    def auc(self) -> tuple[float, float]:
        """Returns AUC, ties counted half, and how far it can be off."""
        self.compact()
        positives, negatives = self._weights
        below = np.cumsum(negatives) - negatives
        pairs = float(positives.sum()) * float(negatives.sum())
        auc = float(positives @ (below + negatives / 2)) / pairs
        error = float(positives @ negatives) / 2 / pairs if self._dropped_bits else 0.0
        return min(auc, 1.0), error

    def compact(self) -> None:
        if not self._pending:
            return
        keys = np.concatenate([self._keys, *(k for k, _ in self._pending)])
        weights = np.concatenate([self._weights, *(w for _, w in self._pending)], 1)
        self._pending, self._pending_size = [], 0
        self._set(keys, weights)
        while len(self._keys) > self._most:
            self._drop_bits(self._dropped_bits + 1)

    def _append(self, keys: np.ndarray, weights: np.ndarray) -> None:
        self._pending.append((keys, weights))
        self._pending_size += len(keys)
        if self._pending_size > max(_PENDING, len(self._keys)):
            self.compact()

    def _drop_bits(self, bits: int) -> None:
        """Drops the last bits of all keys, those that were dropped before included."""
        self.compact()
        if bits > self._dropped_bits:
            keys = self._keys >> np.uint32(bits - self._dropped_bits)
            self._dropped_bits = bits
            self._set(keys, self._weights)

    def _set(self, keys: np.ndarray, weights: np.ndarray) -> None:
        self._keys, ranks = np.unique(keys, return_inverse=True)
        size = len(self._keys)
        self._weights = np.stack([np.bincount(ranks, w, size) for w in weights])


def undefined_lines(undefined: Mapping[str, str]) -> list[str]:
    """Says which metrics are undefined, a line for each reason.

    Args:
        undefined: the reason by metric.
    """
    reasons: dict[str, list[str]] = {}
    for name, why in undefined.items():
        reasons.setdefault(why, []).append(_SHOWN.get(name, name))
    return [
        f"{' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))} "
        f"{'is' if len(names) == 1 else 'are'} undefined: {why}"
        for why, names in reasons.items()
    ]


def undefined_by(labels: Labels) -> dict[str, str]:
    """Returns why labels leave metrics undefined, whatever the scores are."""
    if labels.both:
        return {}
    # Calibration takes no negatives.
    names = METRICS[:2] if labels.positives > 0 else METRICS
    return dict.fromkeys(names, labels.fault)


def log_losses(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Returns the cross-entropy of each example, scores clipped as in Keras.

    Args:
        labels: float64 [examples], from 0 to 1.
        scores: float64 [examples].
    """
    scores = np.clip(scores, _EPSILON, 1 - _EPSILON)
    losses: np.ndarray = -(labels * np.log(scores) + (1 - labels) * np.log1p(-scores))
    return losses


def _base_loss(labels: Labels) -> float:
    """Returns the summed loss of always predicting the base rate."""
    total = labels.positives + labels.negatives
    return -(
        labels.positives * float(np.log(labels.positives / total))
        + labels.negatives * float(np.log(labels.negatives / total))
    )


def _ordered(scores: np.ndarray) -> np.ndarray:
    """Returns whole numbers in the order of float32 numbers: uint32 [examples]."""
    bits = (scores + np.float32(0)).view(np.uint32)  # -0 is 0
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _float64(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float64).reshape(-1)


def _all(count: int, named: str) -> str:
    if count == 1:
        return f"the only one of the {named}"
    return f"all {count:,} {named}"
