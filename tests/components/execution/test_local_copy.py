"""Artifacts on an object store, worked on as local folders."""

from pathlib import Path
from typing import Any

import pytest

from shardline.components.execution.local_copy import local_input, local_output


def test_local_folder_is_used_itself(tmp_path: Path) -> None:
    with local_input(str(tmp_path)) as folder:
        assert folder == str(tmp_path)
    with local_output(str(tmp_path / "new")) as folder:
        assert folder == str(tmp_path / "new")
        assert Path(folder).is_dir()


def test_remote_input_is_copied_with_its_folders(store: Any, tmp_path: Path) -> None:
    (tmp_path / "bucket" / "deep").mkdir(parents=True)
    (tmp_path / "bucket" / "deep" / "file").write_text("content")

    with local_input("store://bucket") as folder:
        assert Path(folder, "deep", "file").read_text() == "content"

    assert not Path(folder).exists()


def test_remote_output_is_copied_when_the_block_ends(
    store: Any, tmp_path: Path
) -> None:
    with local_output("store://bucket/out") as folder:
        Path(folder, "deep").mkdir()
        Path(folder, "deep", "file").write_text("content")
        assert store.written == []

    copied = tmp_path / "bucket" / "out" / "deep" / "file"
    assert copied.read_text() == "content"
    assert not Path(folder).exists()


def test_remote_input_that_is_not_there_is_named(buckets: Any) -> None:
    place = f"{buckets.new('work')}/Trainer/checkpoint/7"

    with pytest.raises(FileNotFoundError, match=place), local_input(place):
        pass


def test_remote_output_of_a_block_that_fails_is_not_copied(store: Any) -> None:
    def write_half() -> None:
        with local_output("store://bucket") as folder:
            Path(folder, "file").write_text("half")
            raise ValueError("the reason")

    with pytest.raises(ValueError, match="the reason"):
        write_half()

    assert store.written == []
