"""Folders of the store are whole or not there, and links are files."""

import os
from pathlib import Path

import pytest

from shardline.components.contracts.data_card import DataCard
from shardline.components.contracts.spans.profile import SpanProfile
from shardline.components.span_examples.store import (
    StoredPart,
    StoredSpan,
    damage_of,
    link,
    load_stored,
    new_folder,
    put,
)

STORED = StoredSpan(
    span="7",
    version=1,
    parts={
        "head": StoredPart(files=("head-0.gz",), examples=3),
        "tail": StoredPart(files=("tail-0.gz",), examples=1),
    },
    profile=SpanProfile(examples=4, content="c"),
    data_card=DataCard(examples={"7": 4}),
)


def keep(folder: Path, text: str = "records") -> None:
    """Writes a span and gives it its place."""
    with new_folder(str(folder)) as written:
        (Path(written) / "head-0.gz").write_text(text)
        assert not folder.exists() or damage_of(str(folder)) is not None
        put(STORED, written, str(folder))


def test_what_was_put_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "7-v1-ab"
    assert damage_of(str(folder)) is None

    keep(folder)

    assert damage_of(str(folder)) == ""
    assert load_stored(str(folder)) == STORED
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("name", ["head-0.gz", "span.json", "whole.json"])
def test_damage_is_told_and_mended(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "7-v1-ab"
    keep(folder)
    (folder / name).write_text("other")
    assert name in (damage_of(str(folder)) or "")

    keep(folder)

    assert damage_of(str(folder)) == ""


def test_what_another_run_has_put_there_stays(tmp_path: Path) -> None:
    folder = tmp_path / "7-v1-ab"
    keep(folder, "first")

    keep(folder, "second")

    assert (folder / "head-0.gz").read_text() == "first"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failed_writing_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with new_folder(str(tmp_path / "7-v1-ab")) as written:
            (Path(written) / "head-0.gz").write_text("some")
            raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        write()

    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_has_left_is_removed_and_what_is_written_stays(
    tmp_path: Path,
) -> None:
    left = tmp_path / f"6-v1-cd.{'0123' * 8}"
    left.mkdir()
    with new_folder(str(tmp_path / "7-v1-ab")) as first:
        assert not left.exists()
        with new_folder(str(tmp_path / "8-v1-ef")):
            assert Path(first).exists()


def test_parts_of_a_span() -> None:
    assert STORED.files_of("tail") == StoredPart(files=("tail-0.gz",), examples=1)
    assert STORED.files_of("all") == StoredPart(
        files=("head-0.gz", "tail-0.gz"), examples=4
    )


@pytest.mark.parametrize("can_link", [True, False])
def test_a_link_is_the_file_or_a_copy(
    can_link: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_text("records")
    target.write_text("old")
    if not can_link:

        def refuse(*_: str) -> None:
            raise OSError(18, "Invalid cross-device link")

        monkeypatch.setattr(os, "link", refuse)

    link(str(source), str(target))

    assert target.read_text() == "records"
    assert os.path.samefile(source, target) == can_link
