"""Metrics of a binary classifier with confidence intervals, by bootstrap.

A resample draws as many units as there are, with replacement; a unit is an example, or
all examples of a group, whose labels and scores resemble each other. Draws depend on
the number of units alone, so those of two models on the same examples are paired, and a
difference of metrics has an interval of its own. AUC is exact in each resample: scores
are ranked once, and a resample only weights the ranks anew. Imports numpy only.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from shardline.components.evaluation.binary import (
    METRICS,
    BinaryMetrics,
    log_losses,
)
from shardline.components.evaluation.grouped import (
    RECALL,
    PerGroup,
    auc_by_group,
    recall_by_group,
    why_no_grouped_auc,
    why_no_recall,
)

GROUPED_AUC = "grouped_auc"
LOG_LOSS = "log_loss"
_PERCENT = (2.5, 97.5)
_SEED = 0
# Fewer units tell nothing of how much others would differ.
_FEWEST_UNITS = 10


class Examples(NamedTuple):
    """What models are judged on.

    Attributes:
        labels: float64 [examples], from 0 to 1.
        weights: float64 [examples], 0 or more.
        groups: whole numbers from 0 on, int64 [examples]; None: each is its own group.
        group_by: what they are grouped by.
    """

    labels: np.ndarray
    weights: np.ndarray
    groups: np.ndarray | None = None
    group_by: str = ""

    def among(self, chosen: np.ndarray) -> "Examples":
        """Returns some of them, their groups numbered anew.

        Args:
            chosen: bool [examples].
        """
        groups = self.groups
        if groups is not None:
            _, groups = np.unique(groups[chosen], return_inverse=True)
        return Examples(
            self.labels[chosen], self.weights[chosen], groups, self.group_by
        )


@dataclasses.dataclass(frozen=True)
class Scored:
    """The metrics of a model.

    Attributes:
        values: those that are defined.
        undefined: why each of the others is not.
        resampled: of each that is defined, its value in every resample, float64
            [resamples]; NaN where it is undefined.
    """

    values: Mapping[str, float]
    undefined: Mapping[str, str]
    resampled: Mapping[str, np.ndarray]


def scored(
    examples: Examples, scores: np.ndarray, resamples: int, named: str = "examples"
) -> Scored:
    """Returns the metrics of a model's scores.

    Args:
        examples: what was scored.
        scores: float32 [examples].
        resamples: how many to draw; 0 for none.
        named: what the examples are, for people.
    """
    metrics = BinaryMetrics(named)
    metrics.add(examples.labels, scores, examples.weights)
    judged = metrics.result()
    values, undefined = dict(judged.values), dict(judged.undefined)
    if metrics.log_loss is not None:
        values[LOG_LOSS] = metrics.log_loss
    else:
        undefined[LOG_LOSS] = undefined["calibration"]
    by_group: dict[str, PerGroup] = {}
    if examples.groups is not None and not metrics.not_finite:
        by_group = _by_group(examples, scores, undefined)
        values |= {name: float(part.mean or 0.0) for name, part in by_group.items()}
    units = _units(examples)
    if not values or not resamples or units < _FEWEST_UNITS:
        return Scored(values, undefined, {})
    linear = _Linear(examples, scores, units)
    ranks = _Ranks(examples, scores) if "auc" in values else None
    rows = []
    for counts in _draws(units, resamples):
        row = linear.metrics(counts)
        if ranks is not None:
            row["auc"] = ranks.auc(counts)
        for name, part in by_group.items():
            total = float(counts @ part.weights)
            won = float(counts @ (part.weights * part.values))
            row[name] = won / total if total > 0 else np.nan
        rows.append(row)
    resampled = {name: np.array([row[name] for row in rows]) for name in values}
    return Scored(values, undefined, resampled)


def interval(resampled: np.ndarray | None) -> tuple[float, float] | None:
    """Returns the 95 % interval of what resamples gave.

    Args:
        resampled: float64 [resamples], NaN where undefined; None: there is none.

    Returns:
        Both ends; None if there are no resamples, or most are undefined.
    """
    if resampled is None:
        return None
    defined = resampled[np.isfinite(resampled)]
    if 2 * len(defined) < max(len(resampled), 1):
        return None
    low, high = np.percentile(defined, _PERCENT)
    return float(low), float(high)


def _by_group(
    examples: Examples, scores: np.ndarray, undefined: dict[str, str]
) -> dict[str, PerGroup]:
    """Returns the metrics within groups; says of the others why there are none."""
    assert examples.groups is not None
    given = (examples.labels, scores, examples.weights, examples.groups)
    aucs, recalls = auc_by_group(*given), recall_by_group(*given)
    if aucs.mean is None:
        why = why_no_grouped_auc(examples.group_by)
        undefined |= {GROUPED_AUC: why, RECALL: why}
        return {}
    if why := why_no_recall(examples.labels, aucs, recalls):
        undefined[RECALL] = why
        return {GROUPED_AUC: aucs}
    return {GROUPED_AUC: aucs, RECALL: recalls}


def _units(examples: Examples) -> int:
    if examples.groups is None:
        return len(examples.labels)
    return int(examples.groups.max()) + 1 if len(examples.groups) else 0


def _draws(units: int, resamples: int) -> Iterator[np.ndarray]:
    """Yields how often each unit is drawn: float64 [units]."""
    draw = np.random.default_rng(_SEED)
    for _ in range(resamples):
        drawn = draw.integers(units, size=units)
        yield np.bincount(drawn, minlength=units).astype(np.float64)


class _Linear:
    """Metrics of sums over examples, which resamples only add up by unit."""

    def __init__(self, examples: Examples, scores: np.ndarray, units: int):
        labels, weights = examples.labels, examples.weights
        exact = scores.astype(np.float64)
        parts = [
            log_losses(labels, exact) * weights,
            exact * weights,
            labels * weights,
            (1 - labels) * weights,
        ]
        groups = examples.groups
        if groups is not None:
            parts = [np.bincount(groups, part, units) for part in parts]
        self._sums = np.stack(parts, axis=1)

    def metrics(self, counts: np.ndarray) -> dict[str, float]:
        """Returns NaN for what is undefined."""
        loss, predicted, positives, negatives = (counts @ self._sums).tolist()
        values = dict.fromkeys((*METRICS, LOG_LOSS), float("nan"))
        if positives + negatives > 0:
            values[LOG_LOSS] = loss / (positives + negatives)
        if positives > 0:
            values["calibration"] = predicted / positives
        if positives > 0 and negatives > 0:
            rate = positives / (positives + negatives)
            base = positives * np.log(rate) + negatives * np.log1p(-rate)
            values["normalized_entropy"] = -loss / float(base)
        return values


class _Ranks:
    """Scores, ranked once: what part of the negatives each positive is above."""

    def __init__(self, examples: Examples, scores: np.ndarray):
        labels, weights = examples.labels, examples.weights
        units = examples.groups
        if units is None:
            units = np.arange(len(labels))
        (negatives,) = np.nonzero((1 - labels) * weights)
        negatives = negatives[np.argsort(scores[negatives], kind="stable")]
        (positives,) = np.nonzero(labels * weights)
        # In order, resamples walk through memory instead of jumping.
        positives = positives[np.argsort(scores[positives], kind="stable")]
        ranked = scores[negatives]
        self._below = np.searchsorted(ranked, scores[positives], "left")
        self._not_above = np.searchsorted(ranked, scores[positives], "right")
        self._negative_weights = ((1 - labels) * weights)[negatives]
        self._positive_weights = (labels * weights)[positives]
        self._negative_units, self._positive_units = units[negatives], units[positives]

    def auc(self, counts: np.ndarray) -> float:
        """Returns AUC, ties counted half; NaN if it is undefined."""
        negatives = np.zeros(len(self._negative_units) + 1)
        np.cumsum(
            self._negative_weights * counts[self._negative_units], out=negatives[1:]
        )
        positives = self._positive_weights * counts[self._positive_units]
        pairs = float(positives.sum()) * float(negatives[-1])
        if not pairs > 0:
            return float("nan")
        beaten = (negatives[self._below] + negatives[self._not_above]) / 2
        return float(positives @ beaten) / pairs
