"""A version without the ids is served, and no older one is left."""

import shutil
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.components.eraser.published import ERASED, erase_from_store
from shardline.components.pusher.publication import Record, verify
from shardline.components.pusher.publish import publish_model
from shardline.components.pusher.stores.stores import open_store
from shardline.configs.serving import Publishing

scope_of_users = load("components/eraser/scopes.py").scope_of_users
SCOPE = scope_of_users(b"3")


@pytest.fixture
def serving(old_run: Path, tmp_path: Path) -> Path:
    """A serving folder with a full version, and two deltas."""
    folder = Path(shutil.copytree(old_run / "serving", tmp_path / "serving"))
    (version,) = folder.glob("[0-9]*")
    for step in (1, 2):
        changed = tmp_path / f"changed-{step}"
        shutil.copytree(version, changed)
        (changed / "assets.extra" / "note").write_text(f"{step}")
        publishing = Publishing(mode="delta", max_delta=0.99)
        record = Record(origin={"model": "there"}, gates=[{"gate": "parity"}])
        published = publish_model(changed, str(folder), publishing, record)
        assert published.kind == "delta"
    return folder


def test_newest_is_published_without_the_ids_and_older_ones_go(serving: Path) -> None:
    store = open_store(serving)
    older = store.all_versions()

    touched = erase_from_store(store, SCOPE, {})

    (version,) = store.all_versions()
    assert version > max(older)
    publication = store.publication(version)
    verify(serving / str(version), publication)
    assert publication.origin == {"model": "there", ERASED: True}
    assert publication.gates == [{"gate": "parity"}]
    tokens = (serving / str(version) / "assets" / "user").read_text().split("\n")
    assert "3" not in tokens
    assert (serving / str(version) / "assets.extra" / "note").read_text() == "2"
    assert [one.outcome for one in touched] == ["published", *["deleted"] * 3]
    assert not list((serving / ".base").glob("*"))
    assert erase_from_store(store, SCOPE, {}) == []


def test_dry_run_tells_and_changes_nothing(serving: Path) -> None:
    before = sorted(serving.rglob("*"))

    touched = erase_from_store(open_store(serving), SCOPE, {}, is_dry_run=True)

    assert [one.outcome for one in touched] == ["published", *["deleted"] * 3]
    assert sorted(serving.rglob("*")) == before


def test_unknown_ids_leave_all_versions(serving: Path) -> None:
    store = open_store(serving)
    before = store.all_versions()

    assert erase_from_store(store, scope_of_users(b"nobody"), {}) == []
    assert store.all_versions() == before


def test_killed_between_publishing_and_removing_removes_later(serving: Path) -> None:
    store, kept = open_store(serving), serving.with_name("kept")
    shutil.copytree(serving, kept)
    erase_from_store(store, SCOPE, {})
    (clean,) = store.all_versions()
    for name in ("deltas", *(path.name for path in kept.glob("[0-9]*"))):
        shutil.copytree(kept / name, serving / name, dirs_exist_ok=True)

    touched = erase_from_store(store, SCOPE, {})

    assert store.all_versions() == [clean]
    assert [one.outcome for one in touched] == ["deleted"] * 3


def test_folder_without_a_version_is_left(tmp_path: Path) -> None:
    assert erase_from_store(open_store(tmp_path / "serving"), SCOPE, {}) == []
