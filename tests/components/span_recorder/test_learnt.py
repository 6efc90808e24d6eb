"""Many spans in few words."""

import pytest

from shardline.components.span_recorder.learnt import together


@pytest.mark.parametrize(
    ("spans", "told"),
    [
        ([], []),
        (["7"], ["7"]),
        (["7", "8", "9"], ["7 to 9"]),
        (["7", "9", "10", "8"], ["7", "9 to 10", "8"]),
        (["2026-11-30", "2026-12-01"], ["2026-11-30 to 2026-12-01"]),
        (["2026-W53", "2027-W01", "2027-W02"], ["2026-W53 to 2027-W02"]),
        (["7", "8.v2", "9"], ["7", "8.v2", "9"]),
        (["7", "7.v2", "8"], ["7", "7.v2", "8"]),
        (["7/head"], ["7/head"]),
        (["7/head", "7/tail", "8/head"], ["7", "8/head"]),
        (["6", "7/head", "7/tail", "8/head", "8/tail"], ["6 to 8"]),
        (["7/head", "8/head", "8/tail"], ["7/head", "8"]),
    ],
)
def test_spans_that_follow_each_other_are_one(
    spans: list[str], told: list[str]
) -> None:
    assert together(spans) == tuple(told)
    # One after the other, as runs record them.
    grown: tuple[str, ...] = ()
    for span in spans:
        grown = together((*grown, span))
    assert grown == tuple(told)
