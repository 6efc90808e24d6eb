"""Values of the right type that cannot be used, or are odd."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from shardline.components.checker.value_rules import constant_findings, value_findings
from shardline.configs.column import Column

ROWS = 12
RANGE = {"ids": {"range": 5}}


@pytest.mark.parametrize(
    ("values", "feature", "said"),
    [
        ([0, 4], RANGE, None),
        ([0, 5], RANGE, "Give `range: 6` or more. Or give `out_of_range: oov_rows`."),
        ([-1, 4], RANGE, "Ids start with 0: write others."),
        ([0, 2**40], RANGE, "A table of so many rows is too large"),
        ([0, 5], {"ids": {"range": 5, "out_of_range": "oov_rows"}}, None),
        ([["a"], ["b"]], {"combiner": "sum"}, "`combiner` is for several; leave it"),
        (
            [["a"] * 3, ["b"]],
            {"max_sequence_length": 2},
            "Raise `max_sequence_length` to keep more.",
        ),
    ],
)
def test_ids_are_in_range_and_lists_in_their_length(
    sampled: Callable[..., Any], values: list, feature: dict, said: str | None
) -> None:
    array = pa.array([values[i % len(values)] for i in range(ROWS)])

    findings = list(value_findings(*sampled(array, feature)))

    remedies = [finding.remedy for finding in findings]
    assert len(findings) == (said is not None)
    assert said is None or said in remedies[0]
    assert all(f.is_fault == (feature == RANGE) for f in findings)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["a|b", "b|c"], "most cells of column `x` hold `|`, such as 'a|b'"),
        (["a", "  "], "6 cells of column `x` hold blanks alone"),
        (["a", "b"], None),
    ],
)
def test_odd_cells_are_hints(
    sampled: Callable[..., Any], values: list[str], said: str | None
) -> None:
    findings = list(value_findings(*sampled(values * (ROWS // 2), {})))

    assert [finding.is_fault for finding in findings] == [False] * (said is not None)
    assert said is None or findings[0].message.startswith(said)


@pytest.mark.parametrize(
    ("values", "positive_from", "message"),
    [
        ([0.0, 1.0], None, None),
        ([1.0, 5.0], None, "column `x` holds 5 beside 0 and 1."),
        ([2.0, 5.0], None, "column `x` holds 2, 5, expected 0 and 1."),
        ([1.0, 5.0], 4, None),
        ([1.0, 5.0], 9, "all sampled labels become 0 by `positive_from: 9`."),
    ],
)
def test_labels_are_0_and_1(
    sampled: Callable[..., Any],
    values: list[float],
    positive_from: float | None,
    message: str | None,
) -> None:
    array = pa.array(values * (ROWS // 2))
    use, sample, settings = sampled(array, {}, positive_from=positive_from)
    use = dataclasses.replace(use, role="label", needed=Column("float"), part=None)

    findings = list(value_findings(use, sample, settings))

    assert [f.message for f in findings] == ([message] if message else [])
    assert all(f.is_fault == (positive_from is None) for f in findings)


@pytest.mark.parametrize(("rows", "hints"), [(ROWS, 1), (5, 0)])
def test_one_value_in_many_rows_is_a_hint(
    sampled: Callable[..., Any], rows: int, hints: int
) -> None:
    use, sample, _ = sampled(["same"] * rows, {})

    assert len(list(constant_findings(use, sample))) == hints
