"""What a folder of sets shows of itself, without reading files."""

import shutil

import pytest

from shardline.embedding.checkpoint.sets import listing
from shardline.embedding.checkpoint.sets.listing import listed


def test_sets_are_listed_by_step_with_what_their_manifests_say(
    made_sets, tmp_path
) -> None:
    training = made_sets.training(tmp_path, hosts=3, item=23, user=5)
    training.save(10, pinned=True)
    training.touch(item=[1, 2, 9])

    full, differential = listed(training.folder).sets

    assert (full.name, full.condition) == ("step-000000000010-full", "complete")
    assert (full.step, full.kind, full.hosts, full.depth) == (10, "full", 3, 0)
    assert (full.stored_rows, full.parent, full.pinned) == (28, None, True)
    assert differential.kind == "differential"
    assert (differential.parent, differential.depth) == (full.name, 1)
    assert (differential.stored_rows, differential.pinned) == (3, False)
    assert 0 < differential.bytes < full.bytes
    assert differential.rows == "float32"


def test_folder_without_a_manifest_is_what_a_dead_save_left(
    made_sets, tmp_path
) -> None:
    training = made_sets.training(tmp_path, item=9)
    training.save(10)
    remains = training.save(20).path
    (remains / "manifest.json").unlink()

    _, left = listed(training.folder).sets

    assert (left.condition, left.step, left.kind) == ("remains", None, None)
    assert left.bytes > 0


def test_it_is_being_written_while_a_process_saves(made_sets, tmp_path) -> None:
    training = made_sets.training(tmp_path, item=9)
    (training.save(20).path / "manifest.json").unlink()
    assert listed(training.folder).held_by is None
    lock = training.folder.lock()
    try:
        found = listed(training.folder)
    finally:
        lock.release()

    assert found.sets[0].condition == "being written"
    assert "process" in (found.held_by or "")


def test_what_is_known_to_be_wrong_is_shown(made_sets, tmp_path) -> None:
    training = made_sets.training(tmp_path, item=9)
    for step in range(10, 60, 10):
        training.save(step)
    names = [one.name for one in training.folder.sets()]
    training.folder.mark_damaged(names[0], "a bit is wrong")
    (tmp_path / names[1] / "tables.data-00001-of-00002").unlink()
    (tmp_path / names[2] / "tables.index").write_bytes(b"short")
    manifest = tmp_path / names[3] / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"step": 40', '"step": 41'))

    sets = listed(training.folder).sets

    assert [one.condition for one in sets] == ["damaged"] * 4 + ["complete"]
    assert sets[0].why == "a bit is wrong"
    assert "tables.data-00001-of-00002 is missing" in sets[1].why
    assert "tables.index has 5 bytes" in sets[2].why
    assert "does not have its own digest" in sets[3].why


@pytest.mark.parametrize("after", ["before its files", "after its files"])
def test_set_that_is_removed_meanwhile_is_left_out(
    made_sets, tmp_path, monkeypatch, after
) -> None:
    training = made_sets.training(tmp_path, item=9)
    first, second = training.save(10), training.save(20)
    list_one = listing._listed

    def removing(found, held_by):
        one = list_one(found, held_by) if after == "after its files" else None
        if found.path.name == first.name:
            training.folder.remove(first.name)
        return one or list_one(found, held_by)

    monkeypatch.setattr(listing, "_listed", removing)

    assert [one.name for one in listed(training.folder).sets] == [second.name]


def test_folder_that_is_not_there_holds_nothing(made_sets, tmp_path) -> None:
    training = made_sets.training(tmp_path / "none", item=9)

    assert listed(training.folder).sets == []
    assert not (tmp_path / "none").exists()


def test_rewound_sets_are_listed_apart(made_sets, tmp_path) -> None:
    training = made_sets.training(tmp_path, item=9)
    training.save(10)
    shutil.move(training.save(20).path, tmp_path / "rewound-20260101T000000Z" / "a")

    found = listed(training.folder)

    assert [one.step for one in found.sets] == [10]
    assert found.rewound == ["rewound-20260101T000000Z"]
