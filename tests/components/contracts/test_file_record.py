"""A record tells whether files are what they were."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shardline.components.contracts.file_record import (
    damage_by,
    record_files,
    record_from_json,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files, one in a folder of its own."""
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "a").write_bytes(b"first")
    (tmp_path / "data" / "deep" / "b").write_bytes(b"second")
    return tmp_path / "data"


def test_record_comes_back_from_text(folder: Path) -> None:
    record = record_files(str(folder))

    assert {name: size for name, (size, _) in record.files.items()} == {
        "a": 5,
        "deep/b": 6,
    }
    assert record_from_json(record.to_json()) == record
    assert record.damage(str(folder)) == ""


@pytest.mark.parametrize(
    ("change", "damage"),
    [
        (lambda folder: (folder / "a").unlink(), "a is gone"),
        (lambda folder: (folder / "a").write_bytes(b"x"), "a has 1 bytes, and had 5"),
        (lambda folder: (folder / "a").write_bytes(b"other"), "a has other content"),
        (lambda folder: (folder / "c").touch(), "c was not there"),
    ],
    ids=["removed", "cut", "changed", "added"],
)
def test_damage_names_the_file(
    folder: Path, change: Callable[[Path], None], damage: str
) -> None:
    record = record_files(str(folder))
    change(folder)

    assert damage in record.damage(str(folder))


def test_folder_may_be_elsewhere_by_now(folder: Path) -> None:
    record = record_files(str(folder))
    moved = folder.rename(folder.with_name("moved"))

    assert record.damage(f"{moved}/") == ""


def test_record_in_the_folder_is_not_among_its_files(folder: Path) -> None:
    (folder / "record").write_text(record_files(str(folder)).to_json())
    assert damage_by("record", str(folder)) == ""

    (folder / "a").unlink()
    assert "a is gone" in damage_by("record", str(folder))


@pytest.mark.parametrize(
    ("text", "damage"),
    [
        (None, "is gone, or cannot be read"),
        ("[]", "is no record of files"),
        ("{", "is no record of files"),
        ('{"version": 2, "files": {}}', "is no record of files"),
        ('{"version": 1, "files": {"a": 7}}', "is no record of files"),
    ],
    ids=["none", "list", "broken", "version", "entry"],
)
def test_folder_without_a_record_is_damaged(
    folder: Path, text: str | None, damage: str
) -> None:
    if text is not None:
        (folder / "record").write_text(text)

    assert damage in damage_by("record", str(folder))
