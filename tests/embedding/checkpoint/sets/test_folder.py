"""A folder of sets: what counts as one, in which order, and what it builds on."""

import json
import re

import pytest

from shardline.embedding.checkpoint.sets.folder import SetFolder
from shardline.embedding.checkpoint.sets.manifest import ManifestError


def names(sets):
    return [one.name for one in sets]


def test_a_folder_that_is_not_there_has_no_sets(tmp_path):
    assert SetFolder(tmp_path / "none").sets() == []


def test_sets_come_by_step_and_the_full_one_last(folder, write_set):
    first = write_set(2)
    write_set(100, parent=first)
    write_set(100)
    write_set(10)
    assert names(folder.sets()) == [
        "step-000000000002-full",
        "step-000000000010-full",
        "step-000000000100-differential",
        "step-000000000100-full",
    ]


def test_a_set_without_manifest_is_no_set(folder, write_set):
    written = write_set(1)
    (written.path / "manifest.json").unlink()
    assert folder.sets() == []
    assert [found.condition for found in folder.found()] == ["remains"]


def test_other_names_are_left_alone(folder, write_set):
    write_set(1).path.rename(folder.path / "aside-1-step-000000000001-full")
    (folder.path / "step-1-full").mkdir()
    (folder.path / "step-000000000002-full").touch()
    assert folder.found() == []


def test_a_set_in_another_ones_place_is_damaged(folder, write_set):
    write_set(1).path.rename(folder.path / "step-000000000002-full")
    (found,) = folder.found()
    assert found.condition == "damaged"
    assert "is that of step-000000000001-full" in found.fault


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", b'{"format": 1}'])
def test_a_damaged_manifest_is_told(folder, write_set, content):
    (write_set(1).path / "manifest.json").write_bytes(content)
    (found,) = folder.found()
    assert (found.condition, found.complete) == ("damaged", None)
    assert "manifest.json is" in found.fault
    assert folder.sets() == []


def test_a_marked_set_is_none(folder, write_set):
    folder.mark_damaged(write_set(1).name, "a bit fell over")
    (found,) = folder.found()
    assert (found.condition, found.fault) == ("damaged", "a bit fell over")
    assert folder.sets() == []


def test_an_empty_mark_counts(folder, write_set):
    (write_set(1).path / "damaged.json").touch()
    assert folder.found()[0].fault == "it is marked as damaged"


def test_a_chain_begins_with_the_full_set(folder, write_set):
    full = write_set(1)
    middle = write_set(2, parent=full)
    last = write_set(3, parent=middle)
    assert names(folder.chain(last)) == names([full, middle, last])
    assert last.manifest.depth == 2


def test_a_lacking_link_is_named(folder, write_set):
    full = write_set(1)
    last = write_set(2, parent=full)
    folder.remove(full.name)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint set 'step-0+1-full'"):
        folder.chain(last)


def test_an_exchanged_link_is_found(folder, write_set):
    full = write_set(1)
    last = write_set(2, parent=full)
    folder.remove(full.name)
    write_set(1)  # The same step, saved another time.
    with pytest.raises(ManifestError, match=r"is not what the set .* builds on"):
        folder.chain(last)


def test_an_unknown_name_lists_the_known_ones(folder, write_set):
    write_set(7)
    with pytest.raises(FileNotFoundError, match=r"there are: step-000000000007-full\."):
        folder.named("step-000000000008-full")
    with pytest.raises(FileNotFoundError):
        folder.named("../sets/step-000000000007-full")


def test_a_pinned_set_until_it_is_unpinned(folder, write_set):
    assert not write_set(1).is_pinned
    pinned = write_set(2, pinned=True)
    assert pinned.is_pinned
    folder.unpin(pinned.name)
    folder.unpin("step-000000000099-full")
    assert not pinned.is_pinned


def test_a_damaged_set_makes_room_and_stays(folder, write_set):
    for _ in range(3):
        folder.mark_damaged(write_set(1).name, "x")
    aside = sorted(path.name for path in folder.path.glob("aside-*"))
    assert aside == [f"aside-{n}-step-000000000001-full" for n in (1, 2)]
    assert len(folder.found()) == 1


def test_what_the_mark_says(folder, write_set):
    path = write_set(1).path
    folder.mark_damaged(path.name, "why")
    held = json.loads((path / "damaged.json").read_text())
    assert held["why"] == "why"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", held["found"])
