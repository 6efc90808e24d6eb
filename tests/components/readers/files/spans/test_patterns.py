"""Spans by the names of folders and files."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.components.readers.files import BadInputError
from shardline.components.readers.files.spans.patterns import files_by_span

Touch = Callable[..., str]


@pytest.fixture
def touch(tmp_path: Path) -> Touch:
    """Makes files, and gives their folder."""

    def make(*names: str) -> str:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return str(tmp_path)

    return make


def spans(folder: str, pattern: str) -> dict[tuple[str, int], list[str]]:
    """Returns names below a folder by span and version; there are no strays."""
    found = files_by_span(folder, pattern)
    assert not found.strays
    return {
        (span.span.name, span.version): [os.path.relpath(f, folder) for f in span.files]
        for span in found.spans
    }


@pytest.mark.parametrize(
    ("pattern", "names", "expected"),
    [
        ("day-{SPAN}.csv", ["day-10.csv", "day-9.csv"], ["9", "10"]),
        ("{SPAN}/*.csv", ["2026-12/a.csv", "2026-11/a.csv"], ["2026-11", "2026-12"]),
        (
            "{SPAN}.csv",
            ["20261201.csv", "2026-11-30.csv"],
            ["2026-11-30", "2026-12-01"],
        ),
        ("{SPAN}.csv", ["2026W48.csv", "2026-W47.csv"], ["2026-W47", "2026-W48"]),
        ("{SPAN}*.csv", ["2026-11-30T05-x.csv"], ["2026-11-30T05"]),
        ("**/{SPAN}.csv", ["a/b/2026-11-H1.csv"], ["2026-11-H1"]),
        ("d={SPAN}/p-{SPAN}.csv", ["d=4/p-4.csv"], ["4"]),
    ],
)
def test_a_span_is_a_number_or_a_date_in_the_path(
    pattern: str, names: list[str], expected: list[str], touch: Touch
) -> None:
    assert [name for name, _ in spans(touch(*names), pattern)] == expected


def test_versions_of_a_span_are_told_apart(touch: Touch) -> None:
    folder = touch("7-v10/a.csv", "7-v2/a.csv", "7-v2/b.csv", "8-v1/a.csv")

    assert spans(folder, "{SPAN}-v{VERSION}/*.csv") == {
        ("7", 2): ["7-v2/a.csv", "7-v2/b.csv"],
        ("7", 10): ["7-v10/a.csv"],
        ("8", 1): ["8-v1/a.csv"],
    }


def test_a_span_may_be_in_several_folders(touch: Touch) -> None:
    folder = touch("shop/5/a.csv", "web/5/a.csv")

    assert spans(folder, "*/{SPAN}/*.csv") == {
        ("5", 1): ["shop/5/a.csv", "web/5/a.csv"]
    }


def test_spans_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("in/day-1.csv", "1")
        archive.writestr("in/day-2.csv", "2")

    found = files_by_span(str(tmp_path / "data.zip"), "in/day-{SPAN}.csv")

    assert [span.span.name for span in found.spans] == ["1", "2"]


@pytest.mark.parametrize(
    ("pattern", "stray", "why"),
    [
        ("{SPAN}/*.csv", "latest/a.csv", "`latest` is no span, which is a number or a"),
        ("{SPAN}/*.csv", "2026-02-30/a.csv", "`2026-02-30` is no span"),
        ("{SPAN}/*.csv", "2026-2-3/a.csv", "`2026-2-3` is no span"),
        ("{SPAN}/{SPAN}.csv", "1/2.csv", "names two spans, `1` and `2`"),
        ("{SPAN}-v{VERSION}.csv", "1-vx.csv", "`x` is no version, which is a number"),
        ("{SPAN}-v{VERSION}.csv", "1-v0.csv", "`0` is no version"),
    ],
)
def test_a_name_that_is_no_span_is_a_stray(
    pattern: str, stray: str, why: str, touch: Touch
) -> None:
    folder = touch(stray)

    found = files_by_span(folder, pattern)

    assert not found.spans
    assert why in found.strays[f"{folder}/{stray}"]


def test_unfinished_and_hidden_folders_are_left_out(touch: Touch) -> None:
    folder = touch("_temporary/a.csv", ".staging/a.csv", "3/a.csv")

    assert list(spans(folder, "{SPAN}/*.csv")) == [("3", 1)]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (
            ["2026-11-01.csv", "20261101.csv"],
            "2026-11-01 is there twice, as `2026-11-01`",
        ),
        (["7.csv", "007.csv"], "span 7 is there twice, as `007` .* and as `7`"),
        (
            ["2026-11.csv", "2026-11-01.csv"],
            "overlap: day 2026-11-01 .* month 2026-11 ",
        ),
        (["2026-W48.csv", "2026-11-23.csv"], "overlap: "),
        (["17.csv", "2026-11-01.csv"], "overlap: number 17 .* is beside day 2026-11"),
    ],
)
def test_spans_that_overlap_are_refused(
    names: list[str], told: str, touch: Touch
) -> None:
    with pytest.raises(BadInputError, match=told):
        files_by_span(touch(*names), "{SPAN}.csv")


def test_two_spellings_of_one_version_are_refused(touch: Touch) -> None:
    with pytest.raises(
        BadInputError, match="span 2026-11-01, version 2 is there twice"
    ):
        files_by_span(
            touch("20261101-2.csv", "2026-11-01-2.csv"), "{SPAN}-{VERSION}.csv"
        )


def test_nothing_that_matches_is_refused(touch: Touch) -> None:
    with pytest.raises(BadInputError, match=r"no file matches `\{SPAN\}\.csv`"):
        files_by_span(touch("1.txt"), "{SPAN}.csv")
