"""An agent makes full versions beside a server, and nothing but whole ones."""

import errno
import os
from pathlib import Path

import pytest

from shardline.components.pusher.agent import run_agent, update
from shardline.components.pusher.publication import PublicationError
from shardline.components.pusher.stores.stores import open_store


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


def test_content_that_is_there_is_not_fetched(
    agent, publish, write_model, target, content_of, fetched
) -> None:
    for token in "aba":
        publish(write_model(token))
        fetched.clear()
        agent()

    assert fetched == []
    assert same_as(write_model("a"), target / "1002", content_of)


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
    payload = serving / "deltas" / "1002" / "files" / "variables"
    (payload / "variables.data-00000-of-00001").unlink()
    assert not run_agent(*stores, every_s=1, is_once=True)
    assert stores[1].newest() == 1001
