"""A comparison comes back from its artifact as it was written."""

from pathlib import Path

import pytest

from shardline.components.contracts.spans.comparison import (
    CANDIDATE,
    IN_SERVICE,
    ComparedModel,
    Comparison,
    Interval,
    Measured,
    SliceResult,
    load_comparison,
)
from shardline.components.contracts.validation import Gate

OPEN = Gate(gate="data.label", passes=True, why="labels are as before")
SHUT = Gate(gate="regression.auc", passes=False, value=0.1, limit=0.005, why="fell")
AUC = Measured(value=0.75, interval=Interval(low=0.7, high=0.8))
COMPARISON = Comparison(
    judged_on="span 2026-05",
    models={
        CANDIDATE: ComparedModel(uri="a", spans="2026-04"),
        IN_SERVICE: ComparedModel(uri="b", version="17"),
    },
    slices=(
        SliceResult(
            name="all",
            examples=3,
            positives=1.5,
            metrics={CANDIDATE: {"auc": AUC}, IN_SERVICE: {"auc": AUC}},
            differences={IN_SERVICE: {"auc": Measured(value=0.0)}},
        ),
        SliceResult(
            name="sex: F",
            examples=1,
            positives=1.0,
            metrics={CANDIDATE: {"auc": Measured(value=None, undefined="one label")}},
        ),
    ),
    out_of_vocabulary={"user": {CANDIDATE: 0.25}},
    gates=(OPEN, SHUT),
)


def test_comparison_comes_back_as_it_was(tmp_path: Path) -> None:
    COMPARISON.save(str(tmp_path / "new"))

    assert load_comparison(str(tmp_path / "new")) == COMPARISON


def test_closed_gates_are_those_that_do_not_pass() -> None:
    assert COMPARISON.closed == [SHUT]


def test_folder_without_a_comparison_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_comparison(str(tmp_path))
