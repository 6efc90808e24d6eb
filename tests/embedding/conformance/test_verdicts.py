"""Verdicts of groups and reports follow from those of their cases."""

import json
import math

import numpy as np
import pytest

from shardline.embedding.conformance.bounds import Bound
from shardline.embedding.conformance.comparison import Outcome, compared
from shardline.embedding.conformance.verdicts import (
    CaseVerdict,
    GroupVerdict,
    Report,
    failed,
    judged,
)


def group(*verdicts):
    cases = [CaseVerdict(f"case{n}", word) for n, word in enumerate(verdicts)]
    return GroupVerdict("inputs", cases, 1.0)


def difference(table):
    return compared(
        np.ones([1, 1], np.float32),
        np.full([1, 1], np.nan, np.float32),
        Bound(0.1, 0.0),
        table=table,
        step=1,
        what="parameters",
    )


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["passed", "not supported"], "passed"),
        (["passed", "failed", "not supported"], "failed"),
        (["not supported"], "not supported"),
        (["not run"], "not run"),
        ([], "not supported"),
    ],
)
def test_verdict_of_a_group_is_the_gravest(verdicts, expected):
    assert group(*verdicts).verdict == expected


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (["passed", "not supported"], True),
        (["passed", "failed"], False),
        (["passed", "not run"], False),
        (["not supported"], False),
        ([], False),
    ],
)
def test_report_passes_if_something_did_and_nothing_failed(groups, expected):
    assert Report("here", {}, [group(word) for word in groups]).has_passed == expected


def test_judged_tells_the_table_where_it_is_not_the_case():
    assert judged("items", [Outcome(0.25)]) == CaseVerdict("items", "passed", "", 0.25)
    own = judged("items", [Outcome(0.25), difference("items")])
    assert own.verdict == "failed"
    assert own.why.startswith("step 1, parameters")
    other = judged("checkpoint to 1 host", [difference("items")])
    assert other.why.startswith("table items, step 1, parameters")


def test_failed_tells_the_kind_and_the_first_line_of_an_error():
    assert failed("items", ValueError("No.\nMore.")).why == "ValueError: No."
    assert failed("items", ValueError()).why == "ValueError: "
    listed = ValueError("Would not run:\n- a\n- b\n- c\n- d")
    assert failed("items", listed).why == "ValueError: Would not run: - a - b - c"


def test_report_is_strict_json_though_values_are_no_numbers():
    cases = [judged("items", [difference("items")]), CaseVerdict("other", "passed")]
    report = Report("here", {"TensorFlow": "2"}, [GroupVerdict("inputs", cases, 0.123)])
    text = json.dumps(report.as_json(), allow_nan=False)
    found = json.loads(text)
    assert found["format"] == 1
    assert not found["passed"]
    case = found["groups"][0]["cases"][0]
    assert case["difference"]["got"] == "nan"
    assert "share_of_bound" not in case
    assert math.isinf(cases[0].share)
    assert found["groups"][0]["cases"][1] == {
        "name": "other",
        "verdict": "passed",
        "share_of_bound": 0.0,
    }
