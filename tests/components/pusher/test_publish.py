"""New versions appear whole, in order, or not at all."""

import errno
import fcntl
import hashlib
import json
import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardline.components.contracts.model_folder import PUBLICATION_FILE
from shardline.components.pusher import files
from shardline.components.pusher.publication import (
    PublicationError,
    Record,
    parsed_publication,
    verify,
)
from shardline.components.pusher.publish import publish_model
from shardline.components.pusher.stores import local_store
from shardline.components.pusher.stores.stores import open_store
from shardline.configs.serving import Publishing


def publication_of(version: Path) -> Any:
    return json.loads((version / PUBLICATION_FILE).read_text())


def test_published_version_is_the_whole_model_named_by_the_time(
    publish, write_model, serving, content_of, names_in
) -> None:
    model = write_model()

    published = publish(model)

    assert (published.version, published.kind) == (1000, "full")
    assert published.destination == str(serving / "1000")
    assert content_of(serving / "1000") == content_of(model)
    assert published.bytes == sum(len(c) for c in content_of(model).values())
    assert names_in(serving) == ["1000"]


def test_publication_says_what_was_published_and_why(
    publish, write_model, serving, content_of
) -> None:
    gates = [{"gate": "size", "passes": False, "value": 3, "limit": 2, "why": "big"}]
    record = Record({"model": "uri"}, "a demo", ["size"], gates)

    publish(write_model(), record=record)

    said = publication_of(serving / "1000")
    content = content_of(serving / "1000")
    assert said["version"] == 1000
    assert said["files"] == {
        path: {"bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()}
        for path, c in content.items()
    }
    lines = "".join(f"{p}\0{said['files'][p]['sha256']}\n" for p in sorted(content))
    assert said["digest"] == hashlib.sha256(lines.encode()).hexdigest()
    assert said["published_at"].endswith("+00:00")
    assert said["origin"] == {"model": "uri"}
    assert said["forced"] == "a demo"
    assert said["overridden"] == ["size"]
    assert said["gates"] == gates
    assert said["base"] is None


@pytest.mark.parametrize("later", [1000.9, 400.0], ids=["same", "earlier"])
def test_version_grows_even_where_the_time_does_not(
    publish, write_model, clock, later
) -> None:
    publish(write_model("a"))
    clock(later)

    assert publish(write_model("b")).version == 1001


def test_version_grows_even_after_one_was_removed(
    publish, write_model, serving
) -> None:
    publish(write_model("a"))
    publish(write_model("b"))
    shutil.rmtree(serving / "1001")

    assert publish(write_model("c")).version == 1002


@pytest.mark.parametrize(
    "text", [b"", b"\0" * 21, b"7" * 30 + b"?"], ids=["empty", "zeros", "other"]
)
def test_version_grows_even_if_a_crash_damaged_the_lock_file(
    publish, write_model, serving, text
) -> None:
    publish(write_model("a"))
    (serving / ".lock").write_bytes(text)

    assert publish(write_model("b")).version == 1001

    shutil.rmtree(serving / "1001")  # which only the lock file remembers
    assert publish(write_model("c")).version == 1002


def test_another_user_can_read_what_is_published(publish, write_model, serving) -> None:
    before = os.umask(0o022)
    try:
        for mode, token in (("full", "a"), ("delta", "b")):
            publish(write_model(token), mode, max_delta=1.0)
    finally:
        os.umask(before)

    folders = serving / "1000", serving / "deltas" / "1001"
    paths = [p for folder in folders for p in (folder, *folder.rglob("*"))]
    modes = {p.stat().st_mode & 0o777 for p in paths if p.is_dir()}
    assert modes == {0o755}
    assert {p.stat().st_mode & 0o777 for p in paths if p.is_file()} == {0o644}


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"?" + file.read_bytes()[1:]),
        lambda file: file.with_name("added").touch(),
    ],
)
def test_damaged_version_is_published_again(
    damage: Callable[[Path], Any], publish, write_model, serving
) -> None:
    publish(write_model())
    damage(serving / "1000" / "saved_model.pb")

    again = publish(write_model())

    assert (again.version, again.kind) == (1001, "full")
    assert publish(write_model()).kind == "unchanged"


def test_version_is_larger_than_that_of_a_delta(publish, write_model, serving) -> None:
    (serving / "deltas" / "2000").mkdir(parents=True)

    assert publish(write_model()).version == 2001


def test_latest_model_is_not_published_again(
    publish, write_model, serving, clock, names_in
) -> None:
    publish(write_model())
    clock(2000)

    again = publish(write_model())

    assert (again.version, again.kind, again.bytes) == (1000, "unchanged", 0)
    assert again.destination == str(serving / "1000")
    assert names_in(serving) == ["1000"]


def test_latest_model_is_published_again_by_force(publish, write_model) -> None:
    publish(write_model())

    assert publish(write_model(), record=Record(forced="why")).version == 1001


def test_published_version_can_be_published_elsewhere(
    publish, write_model, serving, tmp_path, content_of
) -> None:
    publish(write_model())

    elsewhere = str(tmp_path / "elsewhere")
    again = publish_model(serving / "1000", elsewhere, Publishing(), Record())

    assert content_of(Path(again.destination)) == content_of(serving / "1000")


def test_earlier_model_is_published_again_to_become_the_latest(
    publish, write_model
) -> None:
    publish(write_model("a"))
    publish(write_model("b"))

    assert publish(write_model("a")).version == 1002


@pytest.mark.parametrize(
    "removed", ["1000", "1000/fingerprint.pb", f"1000/{PUBLICATION_FILE}"]
)
def test_model_that_was_removed_is_published_again(
    publish, write_model, serving, clock, removed
) -> None:
    publish(write_model())
    gone = serving / removed
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    clock(2000)

    assert publish(write_model()).version == 2000


def test_publishing_needs_the_model_no_longer(
    publish, write_model, serving, content_of
) -> None:
    model = write_model()
    content = content_of(model)
    publish(model)

    shutil.rmtree(model)

    assert content_of(serving / "1000") == content


def test_many_publishers_at_once_get_a_version_each(
    write_model, serving, tmp_path, names_in, content_of
) -> None:
    forked = multiprocessing.get_context("fork")
    publishers = []
    for i in range(8):
        model = shutil.copytree(write_model(f"model {i}"), tmp_path / str(i))
        arguments = (model, str(serving), Publishing(), Record())
        publishers.append(forked.Process(target=publish_model, args=arguments))

    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join()

    assert [publisher.exitcode for publisher in publishers] == [0] * 8
    versions = names_in(serving)
    assert len(versions) == 8
    graphs = {content_of(serving / v)["saved_model.pb"] for v in versions}
    assert graphs == {f"graph model {i}".encode() for i in range(8)}
    # In the order of their versions: nobody overtook, for the lock was held.
    times = [publication_of(serving / v)["published_at"] for v in versions]
    assert times == sorted(times)


def test_waiting_publisher_says_so(publish, write_model, serving, monkeypatch) -> None:
    monkeypatch.setattr(local_store, "_SAY_AFTER_S", 0)
    serving.mkdir(parents=True)
    waiting = threading.Event()
    monkeypatch.setattr(local_store._log, "warning", lambda *_: waiting.set())
    with (serving / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        publisher = threading.Thread(target=publish, args=(write_model(),))
        publisher.start()
        assert waiting.wait(60)
        assert not (serving / "1000").exists()
    publisher.join()

    assert (serving / "1000").is_dir()


def test_watching_server_never_sees_a_part_of_a_version(
    publish, write_model, serving, monkeypatch, content_of
) -> None:
    seen = []
    digest_and_copy = files.copied

    def copy_and_look(*arguments: Any) -> Any:
        seen.extend(path.name for path in serving.iterdir())
        return digest_and_copy(*arguments)

    monkeypatch.setattr("shardline.components.pusher.publication.copied", copy_and_look)

    publish(write_model())

    assert len(seen) >= len(content_of(serving / "1000"))
    assert not any(name.isdigit() for name in seen)


def test_copy_that_fails_leaves_nothing(
    publish, write_model, serving, monkeypatch, names_in
) -> None:
    def full_disk(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shardline.components.pusher.publication.copied", full_disk)

    with pytest.raises(OSError, match="No space left on device"):
        publish(write_model())

    assert names_in(serving) == []


def test_folder_without_a_model_is_not_published(
    publish, write_model, serving, tmp_path, names_in
) -> None:
    publish(write_model())

    with pytest.raises(FileNotFoundError, match=r"holds no saved_model\.pb to publish"):
        publish(tmp_path)

    assert names_in(serving) == ["1000"]


def test_leftovers_of_a_killed_publisher_are_removed_by_the_next(
    publish, write_model, serving, names_in
) -> None:
    for name in (".incoming-x", ".removing-x", ".base/7"):
        (serving / name / "deep").mkdir(parents=True)

    publish(write_model())

    assert names_in(serving) == ["1000"]
    assert list((serving / ".base").iterdir()) == []


def test_only_so_many_versions_are_kept(
    publish, write_model, serving, names_in
) -> None:
    for token in "abcd":
        publish(write_model(token), keep=2)

    assert names_in(serving) == ["1002", "1003"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is no publication: Invalid JSON"),
        (b"{}", r"is no publication: version: Field required. Publish the model again"),
        (
            b'{"version": 1, "digest": "", "published_at": "", "files": '
            b'{"../x": {"bytes": 1, "sha256": ""}}}',
            "must be a path inside the version",
        ),
    ],
    ids=["empty", "nothing", "outside"],
)
def test_publication_that_is_none_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(PublicationError, match=words):
        parsed_publication(text, "place")


def test_version_without_a_publication_says_nothing(tmp_path) -> None:
    (tmp_path / "7").mkdir()

    with pytest.raises(PublicationError, match=r"publication\.json: cannot be read"):
        open_store(tmp_path).publication(7)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda v: (v / "fingerprint.pb").unlink(), r"fingerprint\.pb is missing"),
        (lambda v: (v / "more").touch(), "more is not expected"),
        (lambda v: (v / "fingerprint.pb").write_text("x"), "not what was published"),
    ],
    ids=["missing", "more", "other"],
)
def test_damaged_version_is_found(publish, write_model, serving, damage, words) -> None:
    publish(write_model())
    publication = open_store(serving).publication(1000)
    verify(serving / "1000", publication)
    other = publication.model_copy(update={"digest": "0" * 64})
    with pytest.raises(PublicationError, match=r"have digest .* expected 000000000000"):
        verify(serving / "1000", other)

    damage(serving / "1000")

    with pytest.raises(PublicationError, match=words):
        verify(serving / "1000", publication)


def test_file_is_copied_where_there_are_no_links(tmp_path, monkeypatch) -> None:
    def no_links(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    (tmp_path / "file").write_text("content")

    files.linked(tmp_path / "file", tmp_path / "deep" / "copy")

    assert (tmp_path / "deep" / "copy").read_text() == "content"
    assert (tmp_path / "file").stat().st_nlink == 1


def test_linked_folder_is_part_of_the_model(
    publish, write_model, serving, tmp_path
) -> None:
    model = write_model()
    (model / "variables").rename(tmp_path / "elsewhere")
    (model / "variables").symlink_to(tmp_path / "elsewhere")

    publish(model)

    copy = serving / "1000" / "variables" / "variables.index"
    assert copy.read_bytes() == b"index"
    assert not copy.parent.is_symlink()


def test_folder_that_is_not_there_has_no_files(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        files.files_below(tmp_path / "absent")
