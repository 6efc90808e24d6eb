"""Patterns of files, spans in them, and the fingerprint of a span."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.components.features.reading.sources import (
    Examples,
    Source,
    fingerprint,
    sources_below,
    sources_of_pattern,
)
from shardline.components.readers.files import BadInputError, ReadSettings

Touch = Callable[..., Path]


@pytest.fixture
def touch(tmp_path: Path) -> Touch:
    """Makes files with some content."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return tmp_path

    return make


def spans(folder: Path, pattern: str) -> dict[str, list[str]]:
    """Returns names below a folder by span."""
    return {
        source.span: [os.path.relpath(file, folder) for file in source.files]
        for source in sources_below(str(folder), "train", pattern)
    }


def test_pattern_without_span_is_one_source(touch: Touch) -> None:
    folder = touch("a.csv", "b.csv", "c.txt")

    (source,) = sources_below(str(folder), "train", "*.csv")

    assert (source.split, source.span) == ("train", "")
    assert [Path(file).name for file in source.files] == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("day-{SPAN}.csv", {"1": ["day-1.csv"], "2": ["day-2.csv"]}),
        ("{SPAN}/*.csv", {"3": ["3/a.csv", "3/b.csv"]}),
        (
            "**/day-{SPAN}.csv",
            {"1": ["day-1.csv"], "2": ["day-2.csv"], "7": ["deep/er/day-7.csv"]},
        ),
        ("deep/**/day-{SPAN}.csv", {"7": ["deep/er/day-7.csv"]}),
        ("deep/er/**/day-{SPAN}.csv", {"7": ["deep/er/day-7.csv"]}),
        ("day-{SPAN}.c?v", {"1": ["day-1.csv"], "2": ["day-2.csv"]}),
        ("[a-d]ay-{SPAN}.csv", {"1": ["day-1.csv"], "2": ["day-2.csv"]}),
        ("[!x]ay-{SPAN}.csv", {"1": ["day-1.csv"], "2": ["day-2.csv"]}),
        ("d={SPAN}/part-{SPAN}.csv", {"4": ["d=4/part-4.csv"]}),
    ],
)
def test_span_is_the_number_in_the_path(
    pattern: str, expected: dict[str, list[str]], touch: Touch
) -> None:
    folder = touch(
        *("day-1.csv", "day-2.csv", "day-x.csv", "3/a.csv", "3/b.csv", "dayX1Xcsv"),
        *("deep/er/day-7.csv", "d=4/part-4.csv", "d=4/part-5.csv"),
    )

    assert spans(folder, pattern) == expected


def test_spans_are_in_the_order_of_their_numbers(touch: Touch) -> None:
    folder = touch(*(f"{n}.csv" for n in ("10", "9", "100", "1", "08")))

    assert list(spans(folder, "{SPAN}.csv")) == ["1", "8", "9", "10", "100"]


def test_spans_may_be_dates_and_have_versions(touch: Touch) -> None:
    folder = touch("20261130-v1.csv", "20261130-v2.csv", "2026-11-29-v1.csv")

    assert spans(folder, "{SPAN}-v{VERSION}.csv") == {
        "2026-11-29": ["2026-11-29-v1.csv"],
        "2026-11-30": ["20261130-v2.csv"],
    }


def test_spans_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("in/day-1.csv", "1")
        archive.writestr("in/day-2.csv", "2")

    sources = sources_below(str(tmp_path / "data.zip"), "train", "in/day-{SPAN}.csv")

    assert [source.span for source in sources] == ["1", "2"]
    assert [s.files[0].rpartition("!/")[2] for s in sources] == [
        "in/day-1.csv",
        "in/day-2.csv",
    ]


def test_files_without_the_number_are_told(touch: Touch) -> None:
    folder = touch("day-x.csv", "day-y.csv")

    with pytest.raises(
        BadInputError,
        match=r"asks for a number or date .* none of 2 files .*day-x\.csv",
    ):
        sources_below(str(folder), "train", "day-{SPAN}.csv")


def test_nothing_that_matches_is_told(touch: Touch) -> None:
    with pytest.raises(BadInputError, match="no file matches `day-"):
        sources_below(str(touch("a.csv")), "train", "day-{SPAN}.csv")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("in/1.csv", ["in/1.csv"]),
        ("in/*.csv", ["in/1.csv", "in/2.csv"]),
        ("*/1.csv", ["in/1.csv", "other/1.csv"]),
        ("**/2.csv", ["in/2.csv"]),
        ("in/[13].csv", ["in/1.csv"]),
    ],
)
def test_whole_path_with_wildcards(
    pattern: str, expected: list[str], touch: Touch
) -> None:
    folder = touch("in/1.csv", "in/2.csv", "other/1.csv")

    (source,) = sources_of_pattern(f"{folder}/{pattern}", "all")

    assert source.split == "all"
    assert [os.path.relpath(file, folder) for file in source.files] == expected


def test_whole_path_with_spans(touch: Touch) -> None:
    folder = touch("in/1/a.csv", "in/2/a.csv")

    sources = sources_of_pattern(f"{folder}/in/{{SPAN}}/*.csv", "all")

    assert [source.span for source in sources] == ["1", "2"]


@pytest.mark.parametrize("pattern", ["in/*.csv", "*/1.csv", "in/1.csv"])
def test_relative_path(
    pattern: str, touch: Touch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(touch("in/1.csv"))

    (source,) = sources_of_pattern(pattern, "all")

    assert [os.path.normpath(file) for file in source.files] == ["in/1.csv"]


def test_file_name_alone(touch: Touch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(touch("1.csv"))

    (source,) = sources_of_pattern("1.csv", "all")

    assert [os.path.normpath(file) for file in source.files] == ["1.csv"]


def test_absent_path_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="absent: cannot be read: No such file"):
        sources_of_pattern(f"{tmp_path}/absent/*.csv", "all")


@pytest.mark.parametrize("span", ["", "7"])
def test_source_without_files_is_told(span: str) -> None:
    told = f"Split 'eval'{' of span 7' if span else ''} has no file. What writes the"

    with pytest.raises(ValueError, match=told):
        Examples((Source("eval", (), span),), ReadSettings("csv", {}))


def test_only_the_split_of_the_rules_is_analysed() -> None:
    train, other = Source("train", ("a",)), Source("eval", ("b",))

    examples = Examples((train, other), ReadSettings("csv", {}))

    assert examples.analysed == [train]


def test_fingerprint_is_of_names_content_times_and_reading(touch: Touch) -> None:
    folder = touch("a", "b")
    files = [str(folder / "a"), str(folder / "b")]
    first = fingerprint(files, read_as="rules")

    assert fingerprint(files, read_as="rules") == first
    assert fingerprint(files[:1], read_as="rules") != first
    assert fingerprint(files, read_as="other rules") != first
    os.utime(folder / "a", ns=(1, 1))
    second = fingerprint(files, read_as="rules")
    assert second != first
    (folder / "a").write_text("longer")
    os.utime(folder / "a", ns=(1, 1))
    assert fingerprint(files, read_as="rules") != second


def test_fingerprint_of_an_archive_follows_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "1")
    first = fingerprint([f"{path}!/a"], read_as="")

    os.utime(path, ns=(1, 1))

    assert fingerprint([f"{path}!/a"], read_as="") != first


def test_file_that_two_patterns_match_is_refused() -> None:
    rules = ReadSettings("csv", {})
    sources = (Source("train", ("a", "b")), Source("eval", ("./b",)))

    with pytest.raises(ValueError, match=r"b is in split 'train' and again in 'eval'"):
        Examples(sources, rules)


def test_examples_are_named_as_processes_in_other_folders_find_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sources = (Source("train", ("a.csv", "gs://b/c.csv"), "1"),)

    (absolute,) = Examples(sources, ReadSettings("csv", {})).absolute().sources

    assert absolute == Source("train", (f"{tmp_path}/a.csv", "gs://b/c.csv"), "1")
