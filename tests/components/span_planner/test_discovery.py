"""The spans that a reader tells, and readers that tell none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.components.readers.files import BadInputError
from shardline.components.span_planner.calendar import SpanError
from shardline.components.span_planner.discovery import spans_there

Days = Callable[..., Path]


def test_folders_are_spans(write_days: Days, files_by_day: tuple[str, str]) -> None:
    path = write_days("day-20261130", "day-20261129")

    found = spans_there(*files_by_day, str(path))

    assert [(one.span, one.version) for one in found] == [
        ("2026-11-29", 1),
        ("2026-11-30", 1),
    ]
    again = write_days("day-20261201")
    assert spans_there(*files_by_day, str(again))[:2] == found


def test_folder_that_is_no_span_is_refused(
    write_days: Days, files_by_day: tuple[str, str]
) -> None:
    path = write_days("day-2026-11-30", "day-latest")

    with pytest.raises(BadInputError, match="day-latest"):
        spans_there(*files_by_day, str(path))


def test_reader_that_tells_no_spans_is_refused() -> None:
    reader = "collections.Counter"

    with pytest.raises(SpanError, match=r"`collections\.Counter` does not tell"):
        spans_there(reader, "{}", "clicks")
