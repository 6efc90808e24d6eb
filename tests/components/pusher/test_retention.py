"""Old versions go; what is served, or needed by what is kept, stays."""

import os
import shutil

import pytest

from shardline.components.pusher import history
from shardline.components.pusher.retention import collect
from shardline.components.pusher.stores.stores import open_store


@pytest.fixture
def store(serving):
    """The store of the serving folder."""
    return open_store(serving)


def test_newest_versions_stay(publish, write_model, store, serving, names_in) -> None:
    for token in "abcd":
        publish(write_model(token))

    freed = collect(store, 2)

    assert freed.versions == [1000, 1001]
    assert names_in(serving) == ["1002", "1003"]


def test_dry_run_removes_nothing(
    publish, write_model, store, serving, names_in
) -> None:
    for token in "abc":
        publish(write_model(token))

    assert collect(store, 1, is_dry_run=True).versions == [1000, 1001]

    assert names_in(serving) == ["1000", "1001", "1002"]


def test_what_kept_deltas_are_made_from_stays(publish, write_model, store) -> None:
    # Full, delta, delta, and so on.
    for token in "abcdefg":
        publish(write_model(token), "delta", max_delta=1.0, full_every=3)

    assert collect(store, 2).versions == [1000, 1001, 1002]

    assert store.versions() == [1003, 1006]
    assert store.deltas() == [1004, 1005]
    assert collect(store, 1).versions == [1003, 1004, 1005]


def test_delta_that_leads_nowhere_does_not_stop_it(
    publish, write_model, store, serving
) -> None:
    for token in "abcde":
        publish(write_model(token), "delta", max_delta=1.0, full_every=9)
    shutil.rmtree(serving / "deltas" / "1002")

    assert collect(store, 1).versions == [1000, 1001]

    assert store.deltas() == [1003, 1004]


def test_bytes_are_those_that_the_file_system_has_back(
    publish, write_model, store, serving
) -> None:
    publish(write_model("a"))
    publish(write_model("b"))
    history.promote(store, 1000)
    publication = serving / "1000" / "assets.extra" / "publication.json"
    own = publication.stat().st_size
    second = sum(p.stat().st_size for p in (serving / "1001").rglob("*") if p.is_file())

    freed = collect(store, 1)

    # The files of 1000 are those of 1002.
    assert freed.versions == [1000, 1001]
    assert freed.bytes == own + second


def test_removed_version_is_hidden_before_a_file_of_it_goes(
    publish, write_model, store, serving, monkeypatch
) -> None:
    for token in "ab":
        publish(write_model(token))
    seen = []
    remove = shutil.rmtree

    def look_and_remove(path, *arguments, **options):
        seen.append(sorted(name for name in os.listdir(serving) if name.isdigit()))
        remove(path, *arguments, **options)

    monkeypatch.setattr(shutil, "rmtree", look_and_remove)

    collect(store, 1)

    assert seen == [["1001"]]


def test_of_a_version_that_is_a_link_only_the_link_goes(
    publish, write_model, store, serving, tmp_path
) -> None:
    for token in "ab":
        publish(write_model(token))
    (serving / "1000").rename(tmp_path / "elsewhere")
    (serving / "1000").symlink_to(tmp_path / "elsewhere")

    assert collect(store, 1).versions == [1000]

    assert store.versions() == [1001]
    assert (tmp_path / "elsewhere" / "saved_model.pb").is_file()


def test_served_version_cannot_be_removed(store) -> None:
    with pytest.raises(ValueError, match="0 versions to keep: the served one must"):
        collect(store, 0)
