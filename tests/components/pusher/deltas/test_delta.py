"""A version as what changed since the one before it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from shardline.components.pusher.deltas.delta_manifest import parsed_manifest
from shardline.components.pusher.publication import PublicationError
from shardline.components.pusher.stores.stores import open_store

ROWS = 500


@pytest.fixture
def publish_delta(publish):
    """Publishes in mode `delta`, whatever the size of the delta."""

    def publish_one(model: Path, **settings):
        return publish(model, "delta", **{"max_delta": 1.0, **settings})

    return publish_one


def files_of(delta: Path) -> list[str]:
    files = (path for path in delta.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(delta)) for path in files)


def test_first_version_is_a_full_one(publish_delta, write_model, serving) -> None:
    assert publish_delta(write_model()).kind == "full"

    assert (serving / "1000" / "saved_model.pb").exists()


def test_delta_has_what_changed_and_nothing_else(
    publish_delta, write_model, draw_rows, serving, names_in
) -> None:
    table = draw_rows(ROWS)
    publish_delta(write_model("a", table, assets__old=b"old"))
    table[[3, 400]] += 1
    (write_model() / "assets" / "old").unlink()

    published = publish_delta(write_model("b", table, assets__new=b"new"))

    delta = serving / "deltas" / "1001"
    assert published.kind == "delta"
    assert published.destination == str(delta)
    assert names_in(serving) == ["1000", "deltas"]
    assert files_of(delta) == [
        "delta.json",
        "files/assets/new",
        "files/saved_model.pb",
        "files/variables/variables.data-00000-of-00001",
    ]
    rows = delta / "files" / "variables" / "variables.data-00000-of-00001"
    assert rows.stat().st_size < 60
    sizes = sum((delta / name).stat().st_size for name in files_of(delta))
    assert published.bytes == sizes


def test_delta_names_its_base_and_every_file(
    publish_delta, write_model, draw_rows, serving
) -> None:
    table = draw_rows(ROWS)
    publish_delta(write_model("a", table))
    table[[3, 400]] += 1
    publish_delta(write_model("a", table))

    manifest = json.loads((serving / "deltas" / "1001" / "delta.json").read_text())

    base = open_store(serving).publication(1000)
    assert manifest["publication"]["base"] == 1000
    assert manifest["base_digest"] == base.digest
    changes = manifest["changes"]
    kinds = {path: change["kind"] for path, change in changes.items()}
    data = kinds.pop("variables/variables.data-00000-of-00001")
    assert data == "rows"
    assert set(kinds.values()) == {"same"}
    assert kinds.keys() < base.files.keys()
    assert sum(change["table_rows"] for change in changes.values()) == 2


@pytest.mark.parametrize("seed", range(6))
def test_chain_of_deltas_gives_every_version_byte_by_byte(
    publish_delta, write_model, draw_rows, serving, content_of, served_model, seed
) -> None:
    random = np.random.default_rng(seed)
    table = draw_rows(ROWS, seed)
    for step in range(5):
        changed = random.random(len(table)) < random.choice([0.001, 0.1, 0.5, 1])
        table[changed] = draw_rows(int(changed.sum()), seed + step)
        grown = draw_rows(int(random.integers(3)), step)
        table = np.concatenate([table, grown])
        tail = bytes(random.integers(256, size=5, dtype=np.uint8))
        token = random.choice(["a", "b"])
        model = write_model(token, table, tail, **{f"assets__{step % 2}": tail})

        published = publish_delta(model)

        assert published.kind == ("delta" if step else "full")
        with served_model(serving) as (version, folder):
            assert version == published.version
            assert content_of(folder) == content_of(model)


def test_content_that_is_served_is_not_published_again(
    publish_delta, write_model
) -> None:
    publish_delta(write_model("a"))
    publish_delta(write_model("b"))

    again = publish_delta(write_model("b"))

    assert (again.version, again.kind) == (1001, "unchanged")


def test_delta_that_lost_a_file_is_published_again(
    publish_delta, write_model, serving
) -> None:
    publish_delta(write_model("a"))
    publish_delta(write_model("b"))
    (serving / "deltas" / "1001" / "files" / "saved_model.pb").unlink()
    shutil.rmtree(serving / ".base")

    again = publish_delta(write_model("b"))

    assert (again.version, again.kind) == (1002, "full")


@pytest.mark.parametrize(("every", "kinds"), [(1, "ffff"), (2, "fdfd"), (3, "fddf")])
def test_full_versions_come_so_often(publish_delta, write_model, every, kinds) -> None:
    made = [publish_delta(write_model(t), full_every=every).kind[0] for t in "abcd"]

    assert "".join(made) == kinds


def test_large_delta_gives_a_full_version(
    publish_delta, write_model, draw_rows
) -> None:
    publish_delta(write_model("a", draw_rows(ROWS, 0)), max_delta=0.5)

    second = publish_delta(write_model("a", draw_rows(ROWS, 1)), max_delta=0.5)

    assert second.kind == "full"


def test_base_is_made_from_the_chain_where_it_is_not_kept(
    publish_delta, write_model, serving, content_of, served_model
) -> None:
    publish_delta(write_model("a"))
    publish_delta(write_model("b"))
    shutil.rmtree(serving / ".base")

    assert publish_delta(write_model("c")).kind == "delta"

    with served_model(serving) as (_, folder):
        assert content_of(folder) == content_of(write_model("c"))


def damage_data(version: Path) -> None:
    file = version / "variables" / "variables.data-00000-of-00001"
    file.write_bytes(file.read_bytes()[::-1])


def remove_publication(version: Path) -> None:
    (version / "assets.extra" / "publication.json").unlink()


@pytest.mark.parametrize("damage", [damage_data, remove_publication])
def test_damaged_base_gives_a_full_version(
    publish_delta, write_model, draw_rows, serving, damage, caplog
) -> None:
    table = draw_rows(ROWS)
    publish_delta(write_model("a", table))
    damage(serving / "1000")
    table[7] += 1

    assert publish_delta(write_model("a", table)).kind == "full"

    assert "a full version: version 1000 is no base" in caplog.text


def test_only_the_newest_base_is_kept(publish_delta, write_model, serving) -> None:
    for token in "abc":
        publish_delta(write_model(token))

    assert [path.name for path in (serving / ".base").iterdir()] == ["1002"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is no delta: Invalid JSON"),
        (b"{}", "is no delta: publication: Field required. Publish a full version"),
        (
            b'{"publication": {"version": 1, "digest": "", "published_at": "", '
            b'"files": {}}, "base_digest": "", "changes": {}}',
            "has no base, or not a change for each file",
        ),
    ],
    ids=["empty", "nothing", "no base"],
)
def test_manifest_that_is_none_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(PublicationError, match=words):
        parsed_manifest(text, "place")


def test_manifest_of_a_file_outside_is_refused(
    publish_delta, write_model, serving
) -> None:
    publish_delta(write_model("a"))
    publish_delta(write_model("b"))
    text = (serving / "deltas" / "1001" / "delta.json").read_bytes()

    with pytest.raises(PublicationError, match="must be a path inside the version"):
        parsed_manifest(text.replace(b"fingerprint.pb", b"../../x"), "place")


def test_modes_can_take_turns(publish_delta, publish, write_model) -> None:
    kinds = [
        publish(write_model("a")).kind,
        publish_delta(write_model("b")).kind,
        publish(write_model("c")).kind,
        publish_delta(write_model("d")).kind,
    ]

    assert kinds == ["full", "delta", "full", "delta"]
