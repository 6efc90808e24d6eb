"""Zip archives on this machine and in an object store."""

import errno
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from shardline.components.remote.archives import is_archive, open_archive


@pytest.fixture(params=["local", "bucket"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, buckets: Any) -> str:
    """A folder with an archive and a file that is none."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", "content" * 1000)
    (tmp_path / "text").write_text("no archive")
    if request.param == "local":
        return str(tmp_path)
    place = f"{buckets.new('data')}/archives"
    buckets.path(place).mkdir()
    for name in ("a.zip", "text"):
        shutil.copy(tmp_path / name, buckets.path(place))
    return place


def test_archive_is_told_from_other_files(folder: str) -> None:
    assert is_archive(f"{folder}/a.zip")
    assert not any(map(is_archive, (f"{folder}/text", f"{folder}/none", folder)))


def test_store_that_cannot_be_read_is_not_taken_for_no_archive() -> None:
    for look in (is_archive, open_archive):
        with pytest.raises(OSError, match="nosuch") as raised:
            look("nosuch://bucket/a.zip")
        assert raised.value.errno == errno.EOPNOTSUPP


def test_members_are_read(folder: str) -> None:
    with open_archive(f"{folder}/a.zip") as archive:
        assert archive.read("member") == b"content" * 1000
    with pytest.raises(zipfile.BadZipFile):
        open_archive(f"{folder}/text")
    with pytest.raises(FileNotFoundError):
        open_archive(f"{folder}/none")
