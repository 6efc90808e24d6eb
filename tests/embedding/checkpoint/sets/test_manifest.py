"""What a set says of itself: every change of its text is found."""

import dataclasses
import json

import pytest

from shardline.embedding.checkpoint.sets.manifest import (
    ManifestError,
    Saving,
    SetManifest,
    StoredFile,
    StoredTable,
    manifest_from_json,
)

MANIFEST = SetManifest(
    kind="differential",
    step=1300,
    parent="step-000000001200-full",
    parent_digest="ab" * 32,
    depth=1,
    hosts=3,
    tables={"movie": StoredTable(1000, 16, ("accumulators",), 17)},
    files={
        "tables.index": StoredFile(100, "cd" * 32),
        "tables.data-00000-of-00003": StoredFile(4096),
    },
    lineage={"configuration": "ef" * 32},
    state={"examples": 12, "best": 0.5, "names": ["a", "b"], "none": None},
    saving=Saving("2026-11-30T10:00:00+00:00", 1.25, 0.001, 4196),
)


def test_it_comes_back_as_it_was():
    assert manifest_from_json(MANIFEST.to_json(), "m") == MANIFEST


def test_the_digest_covers_everything():
    digests = {MANIFEST.digest}
    for change in (
        {"step": 1301},
        {"parent_digest": "ba" * 32},
        {"files": {}},
        {"state": {}},
        {"lineage": {}},
        {"tables": {}},
        {"hosts": 2},
        {"rows": "int8"},
    ):
        digests.add(dataclasses.replace(MANIFEST, **change).digest)
    assert len(digests) == 9


def test_every_changed_character_is_found():
    text = MANIFEST.to_json()
    for position in range(0, len(text), 7):
        changed = text[:position] + chr(ord(text[position]) ^ 1) + text[position + 1 :]
        if _same_content(text, changed):  # white space between two words
            continue
        with pytest.raises(ManifestError, match="m is"):
            manifest_from_json(changed, "m")


def _same_content(text, changed):
    try:
        return json.loads(text) == json.loads(changed)
    except ValueError:
        return False


@pytest.mark.parametrize("end", [0, 1, 10, -2, -10])
def test_a_cut_text_is_found(end):
    with pytest.raises(ManifestError, match="no manifest"):
        manifest_from_json(MANIFEST.to_json()[:end], "m")


@pytest.mark.parametrize("text", ["[]", "null", "3", '"a"', "{}", '{"digest": 1}'])
def test_other_json_is_no_manifest(text):
    with pytest.raises(ManifestError, match="no manifest"):
        manifest_from_json(text, "m")


def test_another_format_is_named(monkeypatch):
    monkeypatch.setattr("shardline.embedding.checkpoint.sets.manifest.FORMAT", 2)
    text = MANIFEST.to_json()
    monkeypatch.undo()
    with pytest.raises(ManifestError, match="format 2, and format 1 can be read"):
        manifest_from_json(text, "m")


@pytest.mark.parametrize("change", [{"kind": "half"}, {"rows": "int4"}])
def test_unknown_kinds_are_refused(change):
    text = dataclasses.replace(MANIFEST, **change).to_json()
    with pytest.raises(ManifestError, match="unknown kind"):
        manifest_from_json(text, "m")
