"""Scratch folders are gone after their process, and only dead ones are removed."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shardline.components.folders.scratch import (
    PREFIX,
    held,
    remove_dead,
    scratch_folder,
)

WORKING = """
import sys, time
from pathlib import Path
from shardline.components.folders.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_text("x")
    print(folder, flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def working(parent: Path) -> Iterator[tuple[subprocess.Popen, Path]]:
    """Another process that has a scratch folder."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKING, str(parent)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_folder_is_gone_after_the_block_and_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with scratch_folder(tmp_path) as folder:
            (folder / "file").touch()
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    with scratch_folder(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith(PREFIX)
        assert list(folder.iterdir()) == []

    assert list(tmp_path.iterdir()) == []


def test_folder_of_a_killed_process_is_removed_by_the_next(tmp_path: Path) -> None:
    with working(tmp_path) as (process, left):
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (left / "sub" / "file").exists()

    with scratch_folder(tmp_path):
        assert not left.exists()


def test_folder_of_a_process_that_lives_is_kept(tmp_path: Path) -> None:
    with working(tmp_path) as (_, folder), scratch_folder(tmp_path):
        assert (folder / "sub" / "file").exists()


def test_folders_of_other_names_and_links_are_kept(tmp_path: Path) -> None:
    kept = tmp_path / "elsewhere"
    kept.mkdir()
    (kept / "file").touch()
    link = tmp_path / f"{PREFIX}link"
    link.symlink_to(kept)
    file = tmp_path / f"{PREFIX}file"
    file.touch()

    with scratch_folder(tmp_path):
        pass

    assert sorted(tmp_path.iterdir()) == sorted([kept, link, file])
    assert (kept / "file").exists()


def test_folder_that_is_held_may_be_renamed_and_removed(tmp_path: Path) -> None:
    with held(tmp_path / "a.1"):
        (tmp_path / "a.1").rename(tmp_path / "a.2")
        remove_dead(tmp_path, "a.*")
        assert (tmp_path / "a.2").exists()
        (tmp_path / "a.2").rmdir()

    assert list(tmp_path.iterdir()) == []


def test_several_hold_a_folder_until_the_last_one_ends(tmp_path: Path) -> None:
    folder = tmp_path / "a.1"
    with held(folder):
        with held(folder):
            pass
        remove_dead(tmp_path, "a.*")
        assert folder.exists()
    remove_dead(tmp_path, "a.*")

    assert not folder.exists()


def test_folder_that_is_removed_before_it_is_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, removals, lock = tmp_path / "a.1", ["before it is locked"], fcntl.flock

    def remove_once(descriptor: int, operation: int) -> None:
        if removals:
            removals.pop()
            os.rmdir(folder)
        lock(descriptor, operation)

    monkeypatch.setattr("fcntl.flock", remove_once)

    with held(folder):
        assert folder.is_dir()
        remove_dead(tmp_path, "a.*")
        assert folder.is_dir()


def test_where_folders_cannot_be_locked_nothing_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / f"{PREFIX}left"
    left.mkdir()

    def refuse(*_: int) -> None:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr("fcntl.flock", refuse)
    with scratch_folder(tmp_path) as folder:
        assert folder.is_dir()

    assert list(tmp_path.iterdir()) == [left]
