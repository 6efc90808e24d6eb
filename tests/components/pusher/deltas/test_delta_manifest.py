"""What a delta says of itself, and what of it is refused."""

import json

import pytest

from shardline.components.pusher.deltas.delta_manifest import (
    Change,
    DeltaManifest,
    Piece,
    parsed_manifest,
)
from shardline.components.pusher.files import FileDigest
from shardline.components.pusher.publication import (
    PublicationError,
    Record,
    new_publication,
)

FILES = {name: FileDigest(bytes=40, sha256="0" * 64) for name in ("a", "b", "c")}
PIECE = Piece(row_bytes=4, rows=10, base_offset=0, common=8, changed=3, index_bytes=5)
MANIFEST = DeltaManifest(
    publication=new_publication(8, FILES, Record(), base=7),
    base_digest="1" * 64,
    changes={
        "a": Change(kind="same"),
        "b": Change(kind="whole"),
        "c": Change(kind="rows", pieces=[PIECE], table_rows=5),
    },
)


def test_bytes_and_rows_are_those_of_the_payload() -> None:
    assert (PIECE.bytes, PIECE.payload_bytes) == (40, 5 + (3 + 2) * 4)
    assert MANIFEST.payload == {"files/b": 40, "files/c": 25}
    assert (MANIFEST.bytes, MANIFEST.table_rows, MANIFEST.base) == (65, 5, 7)


def test_manifest_is_read_as_it_was_written() -> None:
    text = MANIFEST.model_dump_json().encode()

    assert parsed_manifest(text, "here") == MANIFEST


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"base_digest": None}, "is no delta: base_digest"),
        ({"changes": {}}, "has no base, or not a change for each file"),
        (
            {
                "publication": json.loads(
                    new_publication(8, FILES, Record()).model_dump_json()
                )
            },
            "has no base",
        ),
    ],
    ids=["digest", "changes", "base"],
)
def test_text_that_contradicts_itself_is_an_error(changes, fault: str) -> None:
    values = json.loads(MANIFEST.model_dump_json()) | changes

    with pytest.raises(PublicationError, match=f"here: {fault}.*full version"):
        parsed_manifest(json.dumps(values).encode(), "here")
