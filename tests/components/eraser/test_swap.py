"""A folder changes as a whole, and nothing is left of a change that was cut."""

import contextlib
from pathlib import Path

import pytest

from shardline.components.eraser import swap
from shardline.components.eraser.swap import exchange, own, remove_strays, staged


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "7"
    (made / "assets").mkdir(parents=True)
    (made / "assets" / "user").write_text("ann\n")
    (made / "same").write_text("same")
    return made


@pytest.mark.parametrize("can_exchange", [True, False])
def test_copy_takes_the_place_of_the_folder(
    folder: Path, can_exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_exchange:
        monkeypatch.setattr(swap, "_exchanged", lambda *_: False)
    before = (folder / "same").stat().st_ino
    with staged(folder) as copy:
        swap.replace(copy / "assets" / "user", b"bob\n")
        assert (folder / "assets" / "user").read_text() == "ann\n"
        exchange(folder, copy)
        assert (copy / "assets" / "user").read_text() == "ann\n"

    assert (folder / "assets" / "user").read_text() == "bob\n"
    assert (folder / "same").stat().st_ino == before
    assert list(folder.parent.iterdir()) == [folder]


def test_file_of_its_own_can_be_written_into(folder: Path) -> None:
    with staged(folder) as copy:
        own(copy / "same")
        with (copy / "same").open("r+") as file:
            file.write("S")
        assert (copy / "same").read_text() == "Same"
    assert (folder / "same").read_text() == "same"


def test_what_is_not_exchanged_is_gone(folder: Path) -> None:
    with contextlib.suppress(KeyError), staged(folder) as copy:
        swap.replace(copy / "same", b"")
        raise KeyError

    assert list(folder.parent.iterdir()) == [folder]
    assert (folder / "same").read_text() == "same"


def test_copies_of_a_killed_erasure_are_removed_and_nothing_else(folder: Path) -> None:
    stray = folder.with_name(f"7.{'0' * 32}")
    stray.mkdir()
    (folder.parent / "7.backup").mkdir()
    (folder.parent / f"file.{'0' * 32}").touch()

    remove_strays(folder.parent)

    left = {path.name for path in folder.parent.iterdir()}
    assert left == {"7", "7.backup", f"file.{'0' * 32}"}
