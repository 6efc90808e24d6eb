"""Small files, of which a reader finds the old one or the new one, whole."""

import os
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from shardline.components.contracts import text_file
from shardline.components.contracts.text_file import read_text, write_text


def test_text_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = str(tmp_path / "new" / "folder")

    write_text(folder, "notes.json", "früher\n")
    write_text(folder, "notes.json", "später\n")

    assert read_text(folder, "notes.json") == "später\n"
    assert os.listdir(folder) == ["notes.json"]


def test_file_that_is_not_there_is_an_error(tmp_path: Path, buckets: Any) -> None:
    for folder in (str(tmp_path), buckets.new("notes"), "bucket://nowhere"):
        with pytest.raises(FileNotFoundError):
            read_text(folder, "notes.json")


def test_folder_may_be_in_an_object_store(buckets: Any) -> None:
    folder = f"{buckets.new('notes')}/folder"

    write_text(folder, "notes.json", "früher\n")
    write_text(folder, "notes.json", "später\n")

    assert read_text(folder, "notes.json") == "später\n"
    assert tf.io.gfile.listdir(folder) == ["notes.json"]
    buckets.refuse_writes("notes")
    with pytest.raises(PermissionError, match=f"{folder}/notes.json"):
        write_text(folder, "notes.json", "refused")
    assert read_text(folder, "notes.json") == "später\n"


def test_old_file_stays_whole_if_writing_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(str(tmp_path), "notes.json", "old")

    def fail(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(text_file.os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        write_text(str(tmp_path), "notes.json", "new")

    assert read_text(str(tmp_path), "notes.json") == "old"
    assert os.listdir(tmp_path) == ["notes.json"]
