"""What `check` tells of tokens that were taken, but perhaps not as they were meant."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from shardline.components.checker import column_rules
from shardline.components.checker.column_sample import ColumnSample
from shardline.components.checker.findings import Finding
from shardline.components.checker.token_rules import token_findings
from shardline.components.checker.uses import Use
from shardline.components.readers.files import ReadSettings

ROWS = 12


LIST = {"combiner": "mean"}


@pytest.mark.parametrize(
    ("values", "feature", "settings", "said"),
    [
        (["a,b", "b,c"], LIST, {},
         "12 of 12 sampled values in the lists of column `x` hold ',', such as 'a,b'"),
        (["a|b", "b|c"], LIST, {"list_separator": ";"}, "hold '|', such as 'a|b'"),
        (["a; b", "b; c"], LIST, {"list_separator": ","}, "hold ';', such as 'a; b'"),
        (["a,b", "b, c"], LIST, {"list_separator": ", "}, "hold ',', such as 'a,b'"),
        (["1,2", "3,4"], LIST | {"dtype": "int64"}, {}, "hold ',', such as '1,2'"),
        (["a b c", "b c d"], LIST, {}, "hold ' ', such as 'a b c'"),
        (["a|b", "b|c", "a | b"], LIST, {}, None),
        (["New York", "x"], LIST, {}, None),
        (["a|b"], LIST, {"list_strip": False}, None),
        (["a | b"], LIST, {"list_strip": False}, "begin or end with blanks, such as"),
        ([" a", "b"], {}, {}, "begin or end with blanks, such as ' a'"),
        (pa.array([[" a", "b"]] * ROWS), LIST, {}, "begin or end with blanks"),
        (pa.array(["a", "b "] * ROWS), {}, {}, "begin or end with blanks"),
        (["17.0", "3.0", ""], {}, {}, "written as floats, such as '17.0'"),
        (["17.5", "3.0"], {}, {}, None),
        (["17", "3"], {}, {}, None),
        (["17.0", "3.0"], {"dtype": "int64"}, {}, None),
    ],
)  # fmt: skip
def test_odd_tokens_are_hinted_at(
    values: list | pa.Array,
    feature: dict[str, Any],
    settings: dict[str, Any],
    said: str | None,
    sampled: Callable[..., tuple[Use, ColumnSample, ReadSettings]],
) -> None:
    if isinstance(values, list):
        values = (values * ROWS)[:ROWS]
    findings = list(token_findings(*sampled(values, feature, **settings)))
    assert not any(finding.is_fault for finding in findings)
    if said is None:
        assert not findings
    else:
        assert any(said in finding.message for finding in findings), findings


DATES = pa.array([1] * ROWS, pa.int32()).cast(pa.date32())


@pytest.mark.parametrize(
    ("values", "feature", "remedy"),
    [
        (pa.array([17.0, None] * ROWS), {}, "Give `dtype: int64`"),
        (pa.array([1, 2] * ROWS), {}, "Give `dtype: int64`"),
        (pa.array([True, False] * ROWS), {}, "Give `dtype: int64`"),
        (DATES, {}, "Write it as strings."),
        (DATES, {"dtype": "int64"}, "Write it as whole numbers, such as seconds"),
        (pa.array([1.5, 2.5] * ROWS), {}, "write ids as whole numbers or strings."),
        (["1.5"], {"dtype": "int64", "ids": {"quantile_buckets": 2}}, "Leave out `dt"),
        (["1.5", "2.5"], {"dtype": "int64"}, "write ids as whole numbers or strings."),
        (["a", "b"], {"dtype": "int64"}, "Leave out `dtype`."),
        ([str(2**63)], {"dtype": "int64"}, "Leave out `dtype`, to take ids as"),
        (pa.array([2**63, 1], pa.uint64()), {"dtype": "int64"}, "Leave out `dtype`, t"),
        (pa.array([2.0**60, 1.0]), {"dtype": "int64"}, "Write them without a point"),
        (["1.0", "2.0", ""], {"dtype": "int64"}, None),
        (pa.array([1.0, None]), {"dtype": "int64"}, None),
        (pa.array([2**63, 1], pa.uint64()), {}, None),
    ],
)  # fmt: skip
def test_types_of_ids_have_remedies_that_work(
    values: list | pa.Array,
    feature: dict[str, Any],
    remedy: str | None,
    sampled: Callable[..., tuple[Use, ColumnSample, ReadSettings]],
) -> None:
    use, sample, settings = sampled(values, feature)
    fault = column_rules.misfit(use, sample, (), settings)
    findings: list[Finding] = (
        [fault] if fault else list(column_rules.row_findings(use, sample, settings))
    )
    if remedy is None:
        assert not findings
    else:
        (finding,) = findings
        assert remedy in f"{finding.message} {finding.remedy}"
        if "fraction" not in finding.message and "amounts" not in finding.remedy:
            assert "quantile" not in finding.remedy
