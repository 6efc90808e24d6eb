"""What Examples say of the spans that they hold."""

from pathlib import Path

from shardline.components.contracts.spans.files import (
    SpanFiles,
    SpanPart,
    load_span_files,
)
from shardline.components.contracts.spans.plan import PlannedSpan
from shardline.components.contracts.spans.profile import ColumnProfile, SpanProfile


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    profile = SpanProfile(
        examples=3,
        content="ab",
        label_mean=0.5,
        columns={"user": ColumnProfile(filled=1.0, values=1.0, distinct=2)},
        earliest=1.0,
        latest=2.5,
    )
    planned = PlannedSpan(span="2026-11-30", version=2, digest="d", part="tail")
    part = SpanPart(
        planned=planned, split="eval", files=("a", "b"), examples=1, profile=profile
    )
    SpanFiles(parts=(part,)).save(str(tmp_path))

    assert load_span_files(str(tmp_path)) == SpanFiles(parts=(part,))


def test_examples_that_do_not_come_in_spans_have_none(tmp_path: Path) -> None:
    assert load_span_files(str(tmp_path)) is None
