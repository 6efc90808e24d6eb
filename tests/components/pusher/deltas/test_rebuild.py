"""All files of a version are made from a full one and deltas, or not at all."""

import shutil
from pathlib import Path

import pytest

from shardline.components.pusher.deltas.delta_manifest import MANIFEST_FILE
from shardline.components.pusher.deltas.rebuild import rebuilt, routes
from shardline.components.pusher.publication import PublicationError
from shardline.components.pusher.stores.stores import open_store


def same_as(model: Path, version: Path, content_of) -> bool:
    return content_of(model) == content_of(version)


def test_way_on_which_the_fewest_bytes_travel_comes_first(
    agent, publish_chain, serving, target
) -> None:
    publish_chain(1)
    agent()
    publish_chain(2)
    source = open_store(serving)

    found = routes(source, source.publication(1002), open_store(target))

    assert [str(route) for route in found] == [
        "version 1000 and 2 deltas",
        "full version 1000 and 2 deltas",
    ]
    deltas = sum(source.manifest(version).bytes for version in (1001, 1002))
    full = source.publication(1000).bytes
    assert [route.bytes for route in found] == [deltas, full + deltas]


def test_version_without_a_way_says_what_was_tried(
    publish_chain, serving, target, tmp_path
) -> None:
    publish_chain(2)
    (serving / "1000" / "saved_model.pb").write_text("damaged")
    source = open_store(serving)

    with pytest.raises(
        PublicationError,
        match=r"Version 1001 of .* cannot be made\. Publish a full version\. full "
        r"version 1000 and 1 deltas: .*saved_model\.pb",
    ):
        rebuilt(source, 1001, open_store(target), tmp_path / "work")


def test_chain_starts_at_a_full_version_where_there_is_no_base(
    agent, publish_chain, target, content_of
) -> None:
    model = publish_chain(3)

    assert agent() == 1002

    assert same_as(model, target / "1002", content_of)
    assert [p.name for p in target.iterdir() if p.name.isdigit()] == ["1002"]


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
