"""Artifacts on an object store, worked on as local folders."""

from pathlib import Path
from typing import Any

import pytest

from shardline.components.execution.local_copy import (
    local_files,
    local_input,
    local_output,
)


def test_local_folder_is_used_itself(tmp_path: Path) -> None:
    with local_input(str(tmp_path)) as folder:
        assert folder == str(tmp_path)
    with local_output(str(tmp_path / "new")) as folder:
        assert folder == str(tmp_path / "new")
        assert Path(folder).is_dir()


def test_remote_input_is_copied_with_its_folders(buckets: Any) -> None:
    deep = buckets.path(f"{buckets.new('work')}/deep")
    deep.mkdir()
    (deep / "file").write_text("content")

    with local_input("bucket://work") as folder:
        assert Path(folder, "deep", "file").read_text() == "content"

    assert not Path(folder).exists()


def test_remote_output_is_copied_when_the_block_ends(buckets: Any) -> None:
    place = f"{buckets.new('work')}/out"
    with local_output(place) as folder:
        Path(folder, "deep").mkdir()
        Path(folder, "deep", "file").write_text("content")
        assert not buckets.path(place).exists()

    assert (buckets.path(place) / "deep" / "file").read_text() == "content"
    assert not Path(folder).exists()


def test_remote_input_that_is_not_there_is_named(buckets: Any) -> None:
    place = f"{buckets.new('work')}/Trainer/checkpoint/7"

    with pytest.raises(FileNotFoundError, match=place), local_input(place):
        pass


def test_remote_output_of_a_block_that_fails_is_not_copied(buckets: Any) -> None:
    def write_half() -> None:
        with local_output(f"{buckets.new('work')}/out") as folder:
            Path(folder, "file").write_text("half")
            raise ValueError("the reason")

    with pytest.raises(ValueError, match="the reason"):
        write_half()

    assert list(buckets.path("bucket://work").iterdir()) == []


def test_remote_files_are_copied_and_local_ones_taken(
    buckets: Any, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("local")
    remote = []
    for folder in ("x", "y"):
        remote.append(f"{buckets.new(folder)}/a")
        buckets.path(remote[-1]).write_text(folder)
    (tmp_path / "copies").mkdir()

    files = local_files([*remote, str(tmp_path / "a")], str(tmp_path / "copies"))

    assert [Path(file).read_text() for file in files] == ["x", "y", "local"]
    assert files[2] == str(tmp_path / "a")
