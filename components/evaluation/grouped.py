"""Metrics taken within groups of examples, such as those of a user, and averaged.

What ranks a user's items well is judged by pairs of that user's examples alone: a model
that only knows which users say yes more often gains nothing. Grouped AUC is that of Zhu
et al., Optimized Cost per Click in Taobao Display Advertising (KDD 2017): the mean of
the groups' AUC, weighted with the weight of their examples. Groups whose examples are
all positive, or all negative, have none and do not count. Imports numpy only.
"""

from typing import NamedTuple

import numpy as np

# Of how many examples of a group a positive one must be among the first.
RANKED = 10
RECALL = f"recall_at_{RANKED}"


class PerGroup(NamedTuple):
    """A metric of each group.

    Attributes:
        values: float64 [groups]; 0 where `weights` is.
        weights: how much each counts in the mean, float64 [groups]; 0 where it is
            undefined.
    """

    values: np.ndarray
    weights: np.ndarray

    @property
    def mean(self) -> float | None:
        """The weighted mean over groups; None if no group has a value."""
        total = float(self.weights.sum())
        return float(self.values @ self.weights) / total if total > 0 else None


def auc_by_group(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray, groups: np.ndarray
) -> PerGroup:
    """Returns the exact AUC of each group, ties counted half.

    Args:
        labels: [examples], from 0 to 1.
        scores: [examples], finite.
        weights: [examples], 0 or more.
        groups: whole numbers from 0 on, [examples].
    """
    size = int(groups.max()) + 1 if len(groups) else 0
    order = np.lexsort((scores, groups))
    scores, groups = scores[order], groups[order]
    weights = weights[order].astype(np.float64)
    labels = labels[order].astype(np.float64)
    positives, negatives = labels * weights, (1 - labels) * weights
    is_new = np.ones(len(groups), bool)
    is_new[1:] = (groups[1:] != groups[:-1]) | (scores[1:] != scores[:-1])
    (starts,) = np.nonzero(is_new)
    groups = groups[starts]
    positives = np.add.reduceat(positives, starts) if len(starts) else positives
    negatives = np.add.reduceat(negatives, starts) if len(starts) else negatives
    all_positives = np.bincount(groups, positives, size)
    all_negatives = np.bincount(groups, negatives, size)
    # The weight of negatives in groups before counts for none of them.
    before = (np.cumsum(all_negatives) - all_negatives)[groups]
    below = np.cumsum(negatives) - negatives - before
    won = np.bincount(groups, positives * (below + negatives / 2), size)
    pairs = all_positives * all_negatives
    counts = pairs > 0
    values = np.divide(won, pairs, out=np.zeros(size), where=counts)
    total = np.where(counts, all_positives + all_negatives, 0.0)
    return PerGroup(np.clip(values, 0, 1), total)


def recall_by_group(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray, groups: np.ndarray
) -> PerGroup:
    """Returns which part of a group's positives are among its `RANKED` best.

    A group counts if it has more examples than that, and from 1 to so many positives:
    else any ranking, or none, would reach 1. Each group counts once. Examples of weight
    0 are left out; of equal scores the negatives come first.

    Args:
        labels: [examples], 0 or 1.
        scores: [examples], finite.
        weights: [examples], 0 or more.
        groups: whole numbers from 0 on, [examples].
    """
    size = int(groups.max()) + 1 if len(groups) else 0
    counted = weights > 0
    labels, scores, groups = labels[counted], scores[counted], groups[counted]
    order = np.lexsort((labels, -scores, groups))
    labels, groups = labels[order].astype(np.float64), groups[order]
    examples = np.bincount(groups, minlength=size)
    rank = np.arange(len(groups)) - (np.cumsum(examples) - examples)[groups]
    positives = np.bincount(groups, labels, size)
    found = np.bincount(groups, labels * (rank < RANKED), size)
    counts = (examples > RANKED) & (positives >= 1) & (positives <= RANKED)
    values = np.divide(found, positives, out=np.zeros(size), where=counts)
    return PerGroup(values, counts.astype(np.float64))


def why_no_grouped_auc(column: str) -> str:
    """Returns why grouped AUC is undefined."""
    return f"no group by `{column}` has examples of both labels"


def why_no_recall(labels: np.ndarray, aucs: PerGroup, recalls: PerGroup) -> str:
    """Returns why recall tells nothing of these examples; "" if it does.

    Args:
        labels: [examples].
        aucs: of all groups.
        recalls: of all groups.
    """
    if not np.isin(labels, (0, 1)).all():
        return "labels are not all 0 or 1"
    both, counted = (int(np.count_nonzero(part.weights)) for part in (aucs, recalls))
    if 2 * counted >= max(both, 1):
        return ""
    return (
        f"of {both:,} groups with both labels only {counted:,} have more than {RANKED} "
        f"examples and at most {RANKED} positives"
    )
