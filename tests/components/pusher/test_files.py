"""Files of a model: listed, copied, linked, and known by their digests."""

import hashlib
import os
from pathlib import Path

import pytest

from shardline.components.pusher.files import (
    FileDigest,
    copied,
    digest_of,
    file_digest,
    files_below,
    linked,
)

CONTENT = b"content" * 300_000
DIGEST = FileDigest(bytes=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of a few blocks."""
    path = tmp_path / "model" / "deep" / "file"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return path


def test_files_are_listed_below_links_and_empty_folders_left_out(
    source: Path, tmp_path: Path
) -> None:
    (tmp_path / "model" / "empty").mkdir()
    (tmp_path / "model" / "link").symlink_to(source.parent)

    assert files_below(tmp_path / "model") == ["deep/file", "link/file"]
    with pytest.raises(FileNotFoundError):
        files_below(tmp_path / "absent")


def test_copy_has_the_digest_of_what_was_read(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "file"

    assert copied(source, target) == file_digest(target) == DIGEST
    with pytest.raises(FileExistsError):
        copied(source, target)


def test_file_is_linked_or_copied_where_there_are_no_links(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked(source, tmp_path / "a" / "link")
    assert os.path.samefile(source, tmp_path / "a" / "link")

    def no_links(*_: Path) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", no_links)
    linked(source, tmp_path / "a" / "copy")
    assert not os.path.samefile(source, tmp_path / "a" / "copy")
    assert (tmp_path / "a" / "copy").read_bytes() == CONTENT


def test_digest_of_files_depends_on_names_and_contents_only() -> None:
    other = DIGEST.model_copy(update={"sha256": "0" * 64})
    files = {"a": DIGEST, "b": other}

    assert digest_of(files) == digest_of({"b": other, "a": DIGEST})
    different = [{"a": other, "b": DIGEST}, {"a": DIGEST}, {"a": DIGEST, "c": other}]
    assert digest_of(files) not in map(digest_of, different)
