"""Metrics within groups, against scikit-learn group by group and by hand."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from shardline.components.evaluation.grouped import (
    RANKED,
    PerGroup,
    auc_by_group,
    recall_by_group,
    why_no_recall,
)


def drawn(
    seed: int, examples: int = 600, groups: int = 25, levels: int = 40
) -> tuple[np.ndarray, ...]:
    """Labels, scores with ties, weights of which some are 0, and groups."""
    draw = np.random.default_rng(seed)
    return (
        (draw.random(examples) < 0.3).astype(np.float64),
        (draw.integers(levels, size=examples) / levels).astype(np.float32),
        draw.uniform(0, 2, examples) * (draw.random(examples) < 0.9),
        draw.integers(groups, size=examples) ** 2 // groups,
    )


@pytest.mark.parametrize("seed", range(5))
def test_auc_of_each_group_is_that_of_scikit_learn(seed: int) -> None:
    labels, scores, weights, groups = drawn(seed)

    found = auc_by_group(labels, scores, weights, groups)

    expected_sum = expected_weight = 0.0
    for group in np.unique(groups):
        of = (groups == group) & (weights > 0)
        if len({*labels[of]}) < 2:
            assert found.weights[group] == 0
            continue
        auc = roc_auc_score(labels[of], scores[of], sample_weight=weights[of])
        assert found.values[group] == pytest.approx(auc, abs=1e-12)
        assert found.weights[group] == pytest.approx(weights[of].sum())
        expected_sum += auc * weights[of].sum()
        expected_weight += weights[of].sum()
    assert found.mean == pytest.approx(expected_sum / expected_weight)


def test_one_group_has_the_auc_of_all() -> None:
    labels, scores, weights, _ = drawn(7)

    found = auc_by_group(labels, scores, weights, np.zeros(len(labels), np.int64))

    exact = roc_auc_score(labels, scores, sample_weight=weights)
    assert found.mean == pytest.approx(exact, abs=1e-12)


def test_fractional_labels_count_as_both() -> None:
    scores = np.array([0.9, 0.4, 0.1], np.float32)
    labels = np.array([1.0, 0.5, 0.0])

    found = auc_by_group(labels, scores, np.ones(3), np.zeros(3, np.int64))

    split = roc_auc_score(
        [1, 1, 0, 0], [0.9, 0.4, 0.4, 0.1], sample_weight=[1, 0.5, 0.5, 1]
    )
    assert found.mean == pytest.approx(split)


@pytest.mark.parametrize("function", [auc_by_group, recall_by_group])
def test_nothing_has_no_value(function) -> None:
    none = np.zeros(0)

    found = function(none, none.astype(np.float32), none, none.astype(np.int64))

    assert found.mean is None


def test_groups_of_one_label_have_no_value() -> None:
    labels, groups = np.array([1.0, 1, 0, 0]), np.array([0, 0, 1, 1])

    found = auc_by_group(labels, np.arange(4, dtype=np.float32), np.ones(4), groups)

    assert found.mean is None


@pytest.mark.parametrize("seed", range(3))
def test_recall_of_each_group_is_that_of_a_sorted_list(seed: int) -> None:
    labels, scores, weights, groups = drawn(seed, levels=10_000)

    found = recall_by_group(labels, scores, weights, groups)

    for group in np.unique(groups):
        of = (groups == group) & (weights > 0)
        ranked = [
            label for _, label in sorted(zip(-scores[of], labels[of], strict=True))
        ]
        positives = sum(ranked)
        if len(ranked) <= RANKED or not 1 <= positives <= RANKED:
            assert found.weights[group] == 0
            continue
        assert found.weights[group] == 1
        assert found.values[group] == sum(ranked[:RANKED]) / positives


def test_positives_do_not_win_by_equal_scores() -> None:
    labels = np.array([1.0] + [0.0] * RANKED)
    groups = np.zeros(len(labels), np.int64)

    found = recall_by_group(
        labels, np.ones(len(labels), np.float32), labels + 1, groups
    )

    assert found.mean == 0.0


def test_recall_is_left_out_where_few_groups_have_enough_examples() -> None:
    aucs = PerGroup(np.zeros(4), np.ones(4))
    one = PerGroup(np.zeros(4), np.array([1.0, 0, 0, 0]))

    why = why_no_recall(np.array([0.0, 1.0]), aucs, one)

    assert why == (
        "of 4 groups with both labels only 1 have more than 10 examples and at most 10 "
        "positives"
    )
    assert why_no_recall(np.array([0.0, 0.5]), aucs, aucs) == (
        "labels are not all 0 or 1"
    )
    assert why_no_recall(np.array([0.0, 1.0]), aucs, aucs) == ""
