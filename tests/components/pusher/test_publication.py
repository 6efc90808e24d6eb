"""What a published version says of itself, and whether its files agree."""

import json
from pathlib import Path

import pytest

from shardline.components.pusher.publication import (
    PublicationError,
    Record,
    copied_model,
    new_publication,
    parsed_publication,
    verify,
)


@pytest.fixture
def version(write_model, tmp_path: Path):
    """A folder with a model's files, and their publication as version 7."""
    folder = tmp_path / "version"
    files = copied_model(write_model(), folder)
    return folder, new_publication(7, files, Record(origin={"run": "r"}, forced="why"))


def test_publication_is_read_as_it_was_written(version) -> None:
    folder, publication = version
    publication.write(folder)

    text = (folder / "assets.extra" / "publication.json").read_bytes()
    assert parsed_publication(text, "here") == publication
    assert (publication.origin, publication.forced) == ({"run": "r"}, "why")
    assert publication.bytes == sum(f.bytes for f in publication.files.values())
    assert "assets.extra/publication.json" not in publication.files


def test_publication_in_the_model_is_left_behind(version, tmp_path: Path) -> None:
    folder, publication = version
    publication.write(folder)

    assert copied_model(folder, tmp_path / "again") == publication.files


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"version": "x"}, "version: "),
        ({"files": {"../a": {"bytes": 1, "sha256": ""}}}, "inside the version"),
        ({"files": {"/a": {"bytes": 1, "sha256": ""}}}, "inside the version"),
    ],
    ids=["version", "above", "absolute"],
)
def test_text_that_is_no_publication_is_an_error(version, change, fault: str) -> None:
    values = json.loads(version[1].model_dump_json()) | change

    with pytest.raises(PublicationError, match=f"here: is no publication: .*{fault}"):
        parsed_publication(json.dumps(values).encode(), "here")


def test_files_that_are_as_published_are_verified(version) -> None:
    verify(*version)


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("fingerprint.pb", None, "fingerprint.pb is missing"),
        ("more", b"", "more is not expected"),
        ("fingerprint.pb", b"other", "fingerprint.pb is not what was published: got 5"),
    ],
    ids=["missing", "added", "changed"],
)
def test_file_that_differs_is_named(
    version, name: str, content: bytes | None, fault: str
) -> None:
    folder, publication = version
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)

    with pytest.raises(PublicationError, match=fault):
        verify(folder, publication)


def test_digest_that_is_not_of_the_files_is_an_error(version) -> None:
    folder, publication = version

    with pytest.raises(
        PublicationError, match=r"its files have digest .*, expected 00"
    ):
        verify(folder, publication.model_copy(update={"digest": "0" * 64}))
