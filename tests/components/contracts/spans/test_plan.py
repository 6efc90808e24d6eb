"""How people and lineage name spans, and what a plan keeps."""

from pathlib import Path

import pytest

from shardline.components.contracts.spans.plan import PlannedSpan, SpanPlan, load_plan


@pytest.mark.parametrize(
    ("version", "part", "name", "whole"),
    [
        (1, "all", "2026-11-30", "2026-11-30"),
        (2, "all", "2026-11-30.v2", "2026-11-30.v2"),
        (1, "head", "2026-11-30/head", "2026-11-30"),
        (10, "tail", "2026-11-30.v10/tail", "2026-11-30.v10"),
    ],
)
def test_span_is_named_with_its_version_and_part(
    version: int, part: str, name: str, whole: str
) -> None:
    span = PlannedSpan(span="2026-11-30", version=version, digest="d", part=part)  # type: ignore[arg-type]

    assert (str(span), span.whole) == (name, whole)


def test_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    train = tuple(PlannedSpan(span=str(number), digest="d") for number in (1, 2))
    plan = SpanPlan(train=train, new=("2",), reason="the next span")

    plan.save(str(tmp_path))

    assert load_plan(str(tmp_path)) == plan
    assert plan.is_due
    assert plan.spans == "1, 2"
    assert plan.newly_trained == train[1:]


def test_plan_without_spans_is_not_due() -> None:
    plan = SpanPlan(waits_for="the next span")

    assert not plan.is_due
    assert plan.spans == ""


def test_plan_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_plan(str(tmp_path))
