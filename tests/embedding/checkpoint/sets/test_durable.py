"""Files that last: in which order they are written, synced and named."""

import errno
import os

import pytest

from shardline.embedding.checkpoint.sets import durable


@pytest.fixture
def calls(monkeypatch):
    """The calls that make things last, as they come."""
    made = []
    sync, replace = os.fsync, os.replace

    def fsync(number):
        made.append(("sync", os.path.basename(os.readlink(f"/proc/self/fd/{number}"))))
        sync(number)

    def renamed(source, target, **options):
        made.append(("rename", os.path.basename(target)))
        replace(source, target, **options)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", renamed)
    return made


def test_a_replaced_file_is_synced_then_named_then_its_name_is_synced(tmp_path, calls):
    path = tmp_path / "m.json"
    path.write_bytes(b"old")
    durable.replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert calls == [
        ("sync", "m.json.partial"),
        ("rename", "m.json"),
        ("sync", tmp_path.name),
    ]


def test_what_a_dead_writer_left_does_not_matter(tmp_path):
    (tmp_path / "m.json.partial").write_bytes(b"half")
    durable.replace_file(tmp_path / "m.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]


def test_folders_are_made_with_lasting_names(tmp_path, calls):
    durable.make_folder(tmp_path / "a" / "b")
    assert calls == [("sync", tmp_path.name), ("sync", "a")]
    durable.make_folder(tmp_path / "a" / "b")
    assert len(calls) == 2


def test_a_file_is_written_once(tmp_path):
    durable.write_file(tmp_path / "f", b"1")
    with pytest.raises(FileExistsError):
        durable.write_file(tmp_path / "f", b"2")


def test_a_removed_file_lasts_as_removed(tmp_path, calls):
    (tmp_path / "f").touch()
    durable.remove_file(tmp_path / "f")
    durable.remove_file(tmp_path / "f")
    assert calls == [("sync", tmp_path.name)] * 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "act",
    [
        lambda folder: durable.write_file(folder / "f", b"1"),
        lambda folder: durable.sync_file(folder / "there"),
        lambda folder: durable.sync_folder(folder),
    ],
    ids=["write", "sync_file", "sync_folder"],
)
def test_an_error_of_the_disk_names_the_file(tmp_path, monkeypatch, act):
    (tmp_path / "there").touch()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}"):
        act(tmp_path)
