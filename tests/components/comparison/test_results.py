"""Metrics by slice and model, and the candidate less the others, of a judged split."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from shardline.components.comparison.judged_split import JudgedSplit, Membership
from shardline.components.comparison.results import slice_results, unknown_shares
from shardline.components.contracts.spans.comparison import (
    BASELINE,
    CANDIDATE,
    IN_SERVICE,
)
from shardline.components.evaluation.bootstrap import Examples


@pytest.fixture
def split() -> JudgedSplit:
    draw = np.random.default_rng(0)
    labels = (draw.random(400) < 0.4).astype(np.float64)
    groups = draw.integers(30, size=400)
    new = draw.random(400) < 0.2
    rare = draw.random(400) < 0.3
    members = {
        CANDIDATE: {"user": Membership(400, 390, ~new, new)},
        IN_SERVICE: {"user": Membership(400, 320, ~new, new)},
        "rare": {"user": Membership(400, 120, rare, ~rare)},
    }
    slices = {"sex: F": draw.random(400) < 0.5, "sex: X": np.zeros(400, bool)}
    examples = Examples(labels, np.ones(400), groups, "user")
    return JudgedSplit(("a.gz",), examples, slices, members)


@pytest.fixture
def scores(split: JudgedSplit) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(1)
    return {
        name: np.clip(draw.normal(0.3 + skill * split.examples.labels, 0.2), 0.01, 0.99)
        .astype(np.float32)
        .round(3)
        for name, skill in ((CANDIDATE, 0.3), (IN_SERVICE, 0.2), (BASELINE, 0.1))
    }


def test_each_slice_has_the_metrics_of_its_examples(split, scores) -> None:
    found = slice_results(split, scores, 50, "examples")

    new = split.members[IN_SERVICE]["user"].any_outside
    rare = split.members["rare"]["user"].any_inside
    chosen = {
        "all": np.ones(400, bool),
        "user: new ids": new,
        "user: rare ids": rare,
        "sex: F": split.slices["sex: F"],
    }
    assert [one.name for one in found] == [*chosen]
    for one in found:
        of = chosen[one.name]
        labels = split.examples.labels[of]
        assert (one.examples, one.positives) == (of.sum(), labels.sum())
        for model, given in scores.items():
            measured = one.metrics[model]["auc"]
            assert measured.value == pytest.approx(roc_auc_score(labels, given[of]))
            assert measured.interval.low <= measured.value <= measured.interval.high


def test_differences_are_the_candidate_less_the_other(split, scores) -> None:
    everything, *_ = slice_results(split, scores, 50, "examples")

    assert [*everything.differences] == [IN_SERVICE, BASELINE]
    for other, changes in everything.differences.items():
        for metric in ("auc", "grouped_auc", "normalized_entropy", "calibration"):
            one, two = (
                everything.metrics[model][metric].value for model in (CANDIDATE, other)
            )
            assert changes[metric].value == pytest.approx(one - two)
            ends = changes[metric].interval
            assert ends.low <= changes[metric].value <= ends.high
        off = [
            abs(everything.metrics[model]["calibration"].value - 1)
            for model in (CANDIDATE, other)
        ]
        assert changes["calibration_error"].value == pytest.approx(off[0] - off[1])


def test_model_beside_itself_differs_by_nothing(split, scores) -> None:
    same = {CANDIDATE: scores[CANDIDATE], IN_SERVICE: scores[CANDIDATE]}

    everything, *_ = slice_results(split, same, 50, "examples")

    for change in everything.differences[IN_SERVICE].values():
        assert (change.value, change.interval.low, change.interval.high) == (0, 0, 0)


def test_candidate_alone_has_no_differences(split, scores) -> None:
    alone = {CANDIDATE: scores[CANDIDATE]}

    everything, *_ = slice_results(split, alone, 0, "examples")

    assert everything.differences == {}
    assert everything.metrics[CANDIDATE]["auc"].interval is None


def test_metric_that_is_undefined_says_why(split, scores) -> None:
    ones = split.examples._replace(labels=np.ones(400))
    of_ones = JudgedSplit(split.files, ones, {}, {})

    (everything,) = slice_results(of_ones, scores, 10, "examples of span 7")

    auc = everything.metrics[CANDIDATE]["auc"]
    assert (auc.value, auc.interval) == (None, None)
    assert auc.undefined == "all 400 examples of span 7 have label 1"
    assert [*everything.differences[IN_SERVICE]] == [
        "calibration",
        "calibration_error",
        "log_loss",
    ]


def test_share_of_unknown_lookups_is_told_by_feature_and_model(split) -> None:
    shares = unknown_shares(split)

    assert shares["user"] == pytest.approx({CANDIDATE: 0.025, IN_SERVICE: 0.2})
