"""Many spans in few words."""

import pytest

from shardline.components.contracts.spans.learnt import has_learnt, together
from shardline.components.contracts.spans.plan import PlannedSpan


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


@pytest.mark.parametrize(
    ("spans", "judged", "part", "is_learnt"),
    [
        ("", "7", "all", False),
        ("7", "7", "all", True),
        ("7", "70", "all", False),
        ("7.v2", "7", "all", True),
        ("5 to 9, 11", "7", "all", True),
        ("5 to 9, 11", "10", "all", False),
        ("5 to 9, 11", "11", "all", True),
        ("2026-10 to 2026-11", "2026-11", "tail", True),
        ("2026-10 to 2026-11", "2026-12", "tail", False),
        ("6, 7/head", "7", "tail", False),
        ("6, 7/head", "7", "head", True),
        ("6, 7/head", "7", "all", True),
        ("6, 7/tail", "7", "tail", True),
        # Of another run, or of an earlier release.
        ("2026-10 to 2026-11", "7", "all", False),
        ("everything", "7", "all", False),
    ],
)
def test_model_has_learnt_what_it_names(
    spans: str, judged: str, part: str, is_learnt: bool
) -> None:
    span = PlannedSpan(span=judged, digest="d", part=part)  # type: ignore[arg-type]

    assert has_learnt(spans, span) is is_learnt
