"""Verdicts in words."""

import math

from shardline.embedding.conformance.verdicts import CaseVerdict, GroupVerdict, Report
from shardline.embedding.conformance.wording import (
    cells,
    columns,
    details,
    heading,
    summary,
)


def group(*cases):
    return GroupVerdict("inputs", cases, 1.26)


def test_passed_group_tells_how_near_to_its_bounds_it_came():
    passed = group(
        CaseVerdict("dense", "passed", share=0.123),
        CaseVerdict("zero", "not supported", "it is open"),
    )
    counts = "1 passed, 1 not supported"
    assert cells(passed) == ("inputs", "passed", counts, "12% of the bound", "1.3")
    assert list(details(passed)) == ["inputs, zero: not supported here: it is open"]


def test_failed_group_tells_each_case_up_to_a_number():
    bad = group(
        *(CaseVerdict(f"case{n}", "failed", f"why{n}", math.inf) for n in range(10))
    )
    assert cells(bad) == ("inputs", "failed", "10 failed", "", "1.3")
    lines = list(details(bad))
    assert lines[0] == "inputs, case0: why0"
    assert lines[8:] == ["inputs: and 2 more"]


def test_reason_that_several_cases_have_is_told_once():
    same = [CaseVerdict(name, "failed", "no hosts") for name in ("a", "b")]
    assert list(details(group(*same))) == ["inputs: no hosts"]
    some = group(*same, CaseVerdict("c", "passed"))
    assert list(details(some)) == ["inputs, a, b: no hosts"]


def test_group_that_is_not_supported_as_a_whole_names_no_cases():
    found = group(*(CaseVerdict(name, "not supported", "no") for name in "ab"))
    assert list(details(found)) == ["inputs: not supported here: no"]
    assert cells(found)[3] == ""


def test_group_that_was_not_run_says_why():
    found = group(CaseVerdict("inputs", "not run", "sequences ended it"))
    assert list(details(found)) == ["inputs: sequences ended it"]
    assert cells(found)[2] == "1 not run"


def test_columns_are_as_wide_for_each_group():
    words = ("inputs", "passed", "26 passed", "", "6.1")
    assert " ".join(columns(words)).rstrip() == (
        "inputs          passed         26 passed" + " " * 36 + "6.1"
    )


def test_summary_counts_verdicts():
    groups = [
        group(CaseVerdict("a", "passed")),
        group(CaseVerdict("a", "failed")),
        group(CaseVerdict("a", "passed")),
    ]
    assert summary(Report("here", {}, groups)) == "3 groups: 2 passed, 1 failed"
    assert summary(Report("here", {}, groups[:1])) == "1 group: 1 passed"


def test_heading_has_versions_on_one_line_and_the_rest_on_another():
    names = ("Shardline", "TensorFlow", "numpy", "Python", "kernels", "devices")
    found = heading("2 hosts", {name: "1" for name in names})
    assert found == [
        "Checking the engine on 2 hosts",
        "Shardline 1, TensorFlow 1, numpy 1, Python 1",
        "kernels: 1; devices: 1",
    ]
