"""An agent makes full versions beside a server, and nothing but whole ones."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from shardline.components.pusher.agent import run_agent, update
from shardline.components.pusher.deltas.delta_manifest import MANIFEST_FILE
from shardline.components.pusher.publication import PublicationError
from shardline.components.pusher.stores.local_store import LocalStore
from shardline.components.pusher.stores.stores import open_store


@pytest.fixture
def agent(serving: Path, target: Path):
    """Does one round of an agent; returns the version it made."""

    def look(**settings):
        return update(open_store(serving), open_store(target), **settings)

    return look


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of files that were fetched."""
    names: list[str] = []
    fetch = LocalStore.fetch

    def remember(store, name, path):
        names.append(name)
        fetch(store, name, path)

    monkeypatch.setattr(LocalStore, "fetch", remember)
    return names


def same_as(model: Path, version: Path, content_of) -> bool:
    return content_of(model) == content_of(version)


def test_full_version_is_copied(agent, publish_chain, target, content_of) -> None:
    model = publish_chain(1)

    assert agent() == 1000

    assert same_as(model, target / "1000", content_of)
    assert agent() is None


def test_publication_travels_with_the_version(
    agent, publish_chain, serving, target
) -> None:
    publish_chain(2)
    agent()

    published, made = open_store(serving), open_store(target)
    assert made.publication(1001) == published.publication(1001)


def test_only_deltas_are_fetched_where_the_base_is(
    agent, publish_chain, target, content_of, fetched
) -> None:
    publish_chain(1)
    agent()
    fetched.clear()
    model = publish_chain(2)

    assert agent() == 1002

    assert same_as(model, target / "1002", content_of)
    assert [name.partition("/files/")[0] for name in fetched] == [
        "deltas/1001",
        "deltas/1002",
    ]


def test_unchanged_files_are_links_and_changed_ones_are_not(
    agent, publish_chain, target
) -> None:
    for _ in range(2):
        publish_chain(1)
        agent()

    versions = target / "1000", target / "1001"
    same, other = "saved_model.pb", "variables/variables.data-00000-of-00001"
    assert os.path.samefile(*(version / same for version in versions))
    assert not os.path.samefile(*(version / other for version in versions))


def test_chain_starts_at_a_full_version_where_there_is_no_base(
    agent, publish_chain, target, content_of
) -> None:
    model = publish_chain(3)

    assert agent() == 1002

    assert same_as(model, target / "1002", content_of)
    assert [p.name for p in target.iterdir() if p.name.isdigit()] == ["1002"]


def test_content_that_is_there_is_not_fetched(
    agent, publish, write_model, target, content_of, fetched
) -> None:
    for token in "aba":
        publish(write_model(token))
        fetched.clear()
        agent()

    assert fetched == []
    assert same_as(write_model("a"), target / "1002", content_of)


def damage(delta: Path, kind: str) -> None:
    """Damages what a delta has."""
    payload = delta / "files" / "variables" / "variables.data-00000-of-00001"
    content = payload.read_bytes()
    if kind == "missing":
        payload.unlink()
    elif kind == "truncated":
        payload.write_bytes(content[:-3])
    elif kind == "row":
        payload.write_bytes(content[:-3] + b"xyz")
    elif kind == "index":
        payload.write_bytes(bytes(9) + content[9:])
    else:
        manifest = delta / MANIFEST_FILE
        text = manifest.read_text()
        digest = open_store(delta.parents[1]).manifest(int(delta.name))
        changed = {
            "digest": text.replace(digest.publication.digest, "0" * 64),
            "base digest": text.replace(digest.base_digest, "0" * 64),
            "manifest": text[:-1],
        }[kind]
        manifest.write_text(changed)


DAMAGES = (
    "missing",
    "truncated",
    "row",
    "index",
    "digest",
    "base digest",
    "manifest",
)


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_delta_leaves_the_old_version_and_is_tried_again(
    agent, publish_chain, serving, target, content_of, kind
) -> None:
    publish_chain(1)
    agent()
    served = content_of(target / "1000")
    model = publish_chain(1)
    delta = serving / "deltas" / "1001"
    good = shutil.copytree(delta, serving.parent / "good")
    damage(delta, kind)

    with pytest.raises(PublicationError, match="None of 1 newer versions"):
        agent()
    assert sorted(p.name for p in target.iterdir()) == [".lock", "1000"]
    assert content_of(target / "1000") == served

    shutil.rmtree(delta)
    good.rename(delta)
    assert agent() == 1001
    assert same_as(model, target / "1001", content_of)


@pytest.mark.parametrize("kind", DAMAGES)
def test_agent_goes_on_with_the_next_full_version(
    agent, publish_chain, serving, target, content_of, kind
) -> None:
    publish_chain(2, full_every=2)
    agent_at = serving / "deltas" / "1001"
    damage(agent_at, kind)
    assert agent() == 1000  # the newest that can be made

    model = publish_chain(1, full_every=2)

    assert (serving / "1002").is_dir()
    assert agent() == 1002
    assert same_as(model, target / "1002", content_of)


def test_damaged_base_of_the_agent_gives_way_to_a_full_version(
    agent, publish_chain, target, content_of, caplog
) -> None:
    publish_chain(1)
    agent()
    (target / "1000" / "fingerprint.pb").write_text("damaged")
    model = publish_chain(1)

    assert agent() == 1001

    assert same_as(model, target / "1001", content_of)
    assert "fingerprint.pb is not what was published" in caplog.text
    assert "from version 1000 and 1 deltas failed" in caplog.text


def test_missing_base_leaves_the_old_version(
    agent, publish_chain, serving, target
) -> None:
    publish_chain(1)
    agent()
    publish_chain(2)
    shutil.rmtree(serving / "deltas" / "1001")

    with pytest.raises(PublicationError, match="stays at version 1000"):
        agent()


def test_source_without_a_model_is_told(agent, serving) -> None:
    with pytest.raises(PublicationError, match=f"{serving} holds no published model"):
        agent()


def test_version_renamed_by_hand_is_made(
    agent, publish_chain, serving, target, content_of
) -> None:
    model = publish_chain(1)
    (serving / "1000").rename(serving / "1500")

    assert agent() == 1500

    assert same_as(model, target / "1500", content_of)
    assert open_store(target).publication(1500).version == 1500


def test_target_that_is_ahead_is_told(agent, publish_chain, target) -> None:
    publish_chain(1)
    (target / "2000").mkdir(parents=True)

    with pytest.raises(PublicationError, match=r"at version 2000, and .* only at 1000"):
        agent()


@pytest.mark.parametrize("suffix", ["", "/", "/../serving"])
def test_folder_that_is_published_to_is_no_target(
    publish_chain, serving, suffix
) -> None:
    publish_chain(2)
    stores = open_store(serving), open_store(f"{serving}{suffix}")

    with pytest.raises(PublicationError, match="Name another one for the server"):
        run_agent(*stores, every_s=1, is_once=True)


def test_full_disk_leaves_the_old_version(
    publish_chain, serving, target, monkeypatch, caplog, names_in
) -> None:
    publish_chain(1)
    stores = open_store(serving), open_store(target)
    assert run_agent(*stores, every_s=1, is_once=True)
    publish_chain(1)

    def full_disk(*_) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(
        "shardline.components.pusher.stores.local_store.sync_below", full_disk
    )

    assert not run_agent(*stores, every_s=1, is_once=True)
    assert "No space left on device" in caplog.text
    assert names_in(target) == ["1000"]


def test_version_that_two_agents_want_is_made_once(
    agent, publish_chain, serving, target, monkeypatch
) -> None:
    publish_chain(1)
    source = open_store(serving)
    asked = source.newest

    def other_agent_first() -> int | None:
        monkeypatch.setattr(source, "newest", asked)
        agent()
        return asked()

    monkeypatch.setattr(source, "newest", other_agent_first)

    assert update(source, open_store(target)) is None


def test_old_versions_are_removed_from_the_target(agent, publish_chain, target) -> None:
    for _ in range(4):
        publish_chain(1)
        agent(keep=2)

    names = sorted(p.name for p in target.iterdir() if p.name.isdigit())
    assert names == ["1002", "1003"]


def test_one_look_says_whether_it_is_up_to_date(
    publish_chain, serving, target, caplog
) -> None:
    stores = open_store(serving), open_store(target)

    assert not run_agent(*stores, every_s=1, is_once=True)
    assert "holds no published model yet" in caplog.text
    publish_chain(1)
    assert run_agent(*stores, every_s=1, is_once=True)
    assert run_agent(*stores, every_s=1, is_once=True)
    publish_chain(2)
    damage(serving / "deltas" / "1002", "row")
    assert not run_agent(*stores, every_s=1, is_once=True)
    assert stores[1].newest() == 1001
