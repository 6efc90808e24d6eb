"""A comparison as people read it: in the table of a run, the log and the text file."""

import pytest

from shardline.components.comparison.shown import (
    as_text,
    comparison_rows,
    lines,
)
from shardline.components.contracts.spans.comparison import (
    CANDIDATE,
    IN_SERVICE,
    ComparedModel,
    Comparison,
    Measured,
)
from shardline.components.contracts.validation import Gate

PASSES = Gate(gate="data.label", passes=True, why="labels are as before")
SHUT = Gate(gate="regression.auc", passes=False, why="AUC fell")


@pytest.fixture
def comparison(result) -> Comparison:
    everything = result(auc=(0.71234, 0.75, (-0.05, -0.02)))
    recall = Measured(value=None, undefined="groups are small")
    everything.metrics[CANDIDATE]["recall_at_10"] = recall
    return Comparison(
        judged_on="span 2026-05",
        models={
            CANDIDATE: ComparedModel(uri="a", spans="2026-03, 2026-04"),
            IN_SERVICE: ComparedModel(uri="b", version="17"),
        },
        slices=(everything, everything.model_copy(update={"name": "sex: F"})),
        out_of_vocabulary={"user": {CANDIDATE: 0.01, IN_SERVICE: 0.12}},
        gates=(PASSES, SHUT),
    )


def test_table_of_a_run_tells_all_models_and_gates(comparison: Comparison) -> None:
    assert comparison_rows(comparison) == {
        "Judged on": "span 2026-05, 1,234 examples",
        "Candidate": (
            "trained on 2026-03, 2026-04: AUC 0.7123, normalized entropy 0.9000, "
            "calibration 1.0000"
        ),
        "In service": (
            "version 17: AUC 0.7500, normalized entropy 0.9000, calibration 1.0000"
        ),
        "Unknown ids": "user: candidate 1.00%, in service 12.00%",
        "Gates on data and change": "regression.auc CLOSED, of 2",
    }


def test_gates_that_all_pass_are_counted(comparison: Comparison) -> None:
    clean = comparison.model_copy(update={"gates": (PASSES,), "out_of_vocabulary": {}})

    rows = comparison_rows(clean)

    assert rows["Gates on data and change"] == "all 1 pass"
    assert "Unknown ids" not in rows


def test_many_spans_are_told_by_the_first_and_the_last(comparison: Comparison) -> None:
    spans = ", ".join(f"2026-01-{day:02}" for day in range(1, 32))
    models = {CANDIDATE: ComparedModel(uri="a", spans=spans)}

    rows = comparison_rows(comparison.model_copy(update={"models": models}))

    told = "trained on 31 spans from 2026-01-01 to 2026-01-31: AUC"
    assert rows["Candidate"].startswith(told)


def test_feature_whose_ids_are_all_known_is_left_out(comparison: Comparison) -> None:
    shares = {"city": {CANDIDATE: 0.0, IN_SERVICE: 0.0}, "user": {CANDIDATE: 0.01}}

    rows = comparison_rows(comparison.model_copy(update={"out_of_vocabulary": shares}))

    assert rows["Unknown ids"] == "user: candidate 1.00%"


def test_log_tells_closed_gates_and_how_many_there_are(comparison: Comparison) -> None:
    told = lines(comparison)

    assert told[0] == "judged on span 2026-05, 1,234 examples"
    assert told[-2] == "regression.auc FAILS: AUC fell"
    assert told[-1].startswith("gates on data and change: regression.auc CLOSED, of ")


def test_text_file_has_a_table_of_each_slice(comparison: Comparison) -> None:
    text = as_text(comparison)

    assert "\ndata.label passes: labels are as before\n" in text
    assert "\nall: 1,234 examples, 500 positive\n" in text
    assert "\nsex: F: 1,234 examples, 500 positive\n" in text
    (row, _) = [line for line in text.splitlines() if line.startswith("AUC ")]
    assert [cell.strip() for cell in row.split("  ") if cell.strip()] == [
        "AUC",
        "0.7123",
        "0.7500",
        "-0.0377 (-0.0500 to -0.0200)",
    ]
    assert "recall at 10 is left out: groups are small" in text


def test_undefined_auc_is_said(comparison: Comparison, result) -> None:
    only = (result(auc=(None, None, None)),)

    rows = comparison_rows(comparison.model_copy(update={"slices": only}))

    assert rows["Candidate"].endswith("AUC is undefined: all labels are 1")
