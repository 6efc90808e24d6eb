"""Publishing to an object store."""

from typing import Any

import pytest
import tensorflow as tf

from shardline.components.pusher import history
from shardline.components.pusher.agent import update
from shardline.components.pusher.listing import listed
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import publish_model
from shardline.components.pusher.retention import collect
from shardline.components.pusher.stores import object_store
from shardline.components.pusher.stores.object_store import ObjectStore
from shardline.components.pusher.stores.stores import open_store
from shardline.configs.serving import Publishing

gfile = tf.io.gfile


@pytest.fixture
def place(buckets: Any) -> str:
    """A serving folder in a bucket."""
    return f"{buckets.new('models')}/serving"


@pytest.fixture
def publish(place, clock, monkeypatch):
    """Publishes a model, in versions from 1000 on."""
    monkeypatch.setattr(object_store.time, "time", lambda: 1000.7)

    def publish_one(model, mode="full", **settings):
        publishing = Publishing(mode=mode, max_delta=1.0, **settings)
        return publish_model(model, place, publishing, Record())

    return publish_one


@pytest.fixture
def copies(monkeypatch) -> list[str]:
    """What was copied, in order."""
    made = []
    copy = gfile.copy

    def remember(source, target, **options):
        made.append(target)
        copy(source, target, **options)

    monkeypatch.setattr(object_store.gfile, "copy", remember)
    return made


def test_graph_comes_last(publish, write_model, place, copies) -> None:
    published = publish(write_model())

    assert published.destination == f"{place}/1000"
    assert copies[-1] == f"{place}/1000/saved_model.pb"
    assert len(copies) == 6
    with gfile.GFile(f"{place}/1000/fingerprint.pb", "rb") as file:
        assert file.read() == b"print"


def test_manifest_of_a_delta_comes_last(publish, write_model, place, copies) -> None:
    publish(write_model("a"), "delta")
    copies.clear()

    published = publish(write_model("b"), "delta")

    assert published.destination == f"{place}/deltas/1001"
    uploaded = [target for target in copies if target.startswith("bucket:")]
    assert uploaded[-1] == f"{place}/deltas/1001/delta.json"


def test_each_model_is_published_once(publish, write_model) -> None:
    publish(write_model("a"))

    assert publish(write_model("a")).kind == "unchanged"
    assert publish(write_model("b")).version == 1001


def test_version_that_is_not_complete_is_none(publish, write_model, place) -> None:
    for name in ("2000/variables/variables.index", "deltas/2001/files/a"):
        with gfile.GFile(f"{place}/{name}", "w") as file:
            file.write("half an upload")
    store = ObjectStore(place)
    assert store.all_versions() == []
    assert store.newest() is None

    assert publish(write_model()).version == 2002


def test_agent_follows_deltas_and_rollback(
    publish, write_model, draw_rows, place, tmp_path, content_of
) -> None:
    table = draw_rows(99)
    source, target = open_store(place), open_store(tmp_path / "models")
    contents = []
    for step in range(3):
        table[step] += 1
        model = write_model("a", table)
        contents.append(content_of(model))
        publish(model, "delta", keep=3)
        assert update(source, target) == 1000 + step
        assert content_of(tmp_path / "models" / str(1000 + step)) == contents[-1]

    history.rollback(source)

    assert update(source, target) == 1003
    assert content_of(tmp_path / "models" / "1003") == contents[1]
    kinds = [row.kind for row in listed(source)]
    assert kinds == ["full", "delta", "delta", "full"]
    assert listed(source)[0].metrics == {"auc": 0.75}


def test_newest_version_is_fetched_to_be_read(
    publish, write_model, place, content_of, served_model
) -> None:
    for mode, token in (("full", "a"), ("delta", "b")):
        model = write_model(token)
        publish(model, mode)
        with served_model(place) as (_, folder):
            assert content_of(folder) == content_of(model)


def test_look_costs_no_more_with_more_versions(
    publish, write_model, place, tmp_path, monkeypatch
) -> None:
    source, target = open_store(place), open_store(tmp_path / "models")
    asked: list[str] = []
    exists = gfile.exists

    def remember(path: str) -> bool:
        asked.append(path)
        return exists(path)

    for token in "abcd":
        publish(write_model(token), "delta")
    update(source, target)
    monkeypatch.setattr(object_store.gfile, "exists", remember)

    assert update(source, target) is None

    assert asked == [f"{place}/deltas/1003/delta.json"]


def test_old_versions_are_removed(publish, write_model, place) -> None:
    for token in "abc":
        publish(write_model(token))
    store = open_store(place)

    freed = collect(store, 1)

    assert freed.versions == [1000, 1001]
    assert freed.bytes > 0
    assert store.all_versions() == [1002]
    assert not gfile.exists(f"{place}/1000/fingerprint.pb")


def test_store_that_cannot_be_asked_is_not_taken_for_an_empty_one(
    place, publish, write_model, buckets
) -> None:
    publish(write_model())
    buckets.close("models")

    for unreadable in (place, "unknown://bucket"):
        with pytest.raises(OSError, match=r"denied|not implemented"):
            ObjectStore(unreadable).newest()
        with pytest.raises(OSError, match=r"denied|not implemented"):
            ObjectStore(unreadable).all_versions()


def test_what_tensorflow_refuses_is_an_os_error(place, tmp_path, write_model) -> None:
    with pytest.raises(OSError, match=f"no such object.: '{place}/absent'"):
        ObjectStore(place).fetch("absent", tmp_path / "file")
    with pytest.raises(OSError, match="File system scheme 'unknown' not implemented"):
        publish_model(write_model(), "unknown://bucket", Publishing(), Record())
