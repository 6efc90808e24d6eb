"""Files that appear whole or not at all."""

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from shardline.components.features.writing.atomic_file import AtomicFile


def test_file_has_its_name_only_after_renaming(tmp_path: Path) -> None:
    path = tmp_path / "file"
    file = AtomicFile(str(path))
    with file.open() as sink:
        sink.write(b"content")

    assert not path.exists()
    assert Path(file.written).name.startswith(".file.")
    file.rename()
    assert path.read_bytes() == b"content"
    assert list(tmp_path.iterdir()) == [path]


def test_older_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    file = AtomicFile(str(path))
    with file.open() as sink:
        sink.write(b"new")

    assert path.read_bytes() == b"old"
    file.rename()
    assert path.read_bytes() == b"new"


def test_removed_file_leaves_nothing(tmp_path: Path) -> None:
    file = AtomicFile(str(tmp_path / "file"))
    file.remove()  # not written yet
    file.open().close()

    file.remove()

    assert list(tmp_path.iterdir()) == []


def test_file_of_an_object_store_is_written_through_tensorflow(buckets: Any) -> None:
    path = f"{buckets.new('atomic')}/file"
    file = AtomicFile(path)
    with file.open() as sink:
        assert sink.writable()
        sink.write(b"x" * 3_000_000)

    file.rename()

    with tf.io.gfile.GFile(path, "rb") as source:
        assert source.read() == b"x" * 3_000_000


def test_names_of_two_writers_differ() -> None:
    assert AtomicFile("a/b").written != AtomicFile("a/b").written


@pytest.mark.parametrize("path", ["a/b", "gs://bucket/b"])
def test_file_lies_beside_its_final_name(path: str) -> None:
    assert AtomicFile(path).written.rpartition("/")[0] == path.rpartition("/")[0]
