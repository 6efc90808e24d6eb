"""What a delta says of itself: `delta.json`, and what its payload files hold.

A delta makes the files of one version from those of the version before it, its base.

| change | payload |
|---|---|
| `same` | none: the file is the base's |
| `whole` | the file |
| `rows` | for each piece of the file, one after the other: which rows of the base's \
changed, these rows, and the rows that the base does not have |
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shardline.components.pusher.publication import (
    InsidePath,
    Publication,
    PublicationError,
    first_fault,
)

MANIFEST_FILE = "delta.json"

_Count = Annotated[int, Field(ge=0)]


class Piece(NamedTuple):
    """Consecutive rows of a file, of equal length.

    Attributes:
        row_bytes: of one row.
        rows: how many there are.
        base_offset: where they begin in the base's file, in bytes.
        common: so many, the first ones, the base has too.
        changed: how many of these differ from the base's.
        index_bytes: of what says which ones.
    """

    row_bytes: _Count
    rows: _Count
    base_offset: _Count
    common: _Count
    changed: _Count
    index_bytes: _Count

    @property
    def bytes(self) -> int:
        """The bytes that it takes in the file."""
        return self.rows * self.row_bytes

    @property
    def payload_bytes(self) -> int:
        """The bytes that it takes in the delta."""
        new = self.changed + self.rows - self.common
        return self.index_bytes + new * self.row_bytes


class Change(BaseModel):
    """How a file of the new version comes from the base."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["same", "whole", "rows"]
    # Kind `rows` only.
    pieces: list[Piece] = []
    # Rows of tables that changed or are new.
    table_rows: int = 0


class DeltaManifest(BaseModel):
    """A delta.

    Attributes:
        publication: of the version that it makes; its `base` is the base's version.
        base_digest: digest of the base's files.
        changes: the changes by file of the new version.
    """

    model_config = ConfigDict(frozen=True)

    publication: Publication
    base_digest: str
    changes: dict[InsidePath, Change]

    @property
    def base(self) -> int:
        """The version that it refers to."""
        assert self.publication.base is not None
        return self.publication.base

    @property
    def payload(self) -> dict[str, int]:
        """Bytes by payload file, below the delta's folder."""
        sizes = {}
        for path, change in self.changes.items():
            if change.kind == "whole":
                sizes[payload_file(path)] = self.publication.files[path].bytes
            elif change.kind == "rows":
                pieces = change.pieces
                sizes[payload_file(path)] = sum(p.payload_bytes for p in pieces)
        return sizes

    @property
    def bytes(self) -> int:
        """The bytes of all payload files."""
        return sum(self.payload.values())

    @property
    def table_rows(self) -> int:
        """Rows of tables that changed or are new."""
        return sum(change.table_rows for change in self.changes.values())


def payload_file(path: str) -> str:
    """Returns where a delta holds what it has of a file."""
    return f"files/{path}"


def parsed_manifest(text: bytes, where: str) -> DeltaManifest:
    """Reads a manifest.

    Args:
        text: JSON.
        where: what it was read from, for the message.

    Raises:
        PublicationError: if it is none, or contradicts itself.
    """
    try:
        manifest = DeltaManifest.model_validate_json(text)
    except ValidationError as error:
        raise PublicationError(
            f"{where}: is no delta: {first_fault(error)}. Publish a full version."
        ) from error
    files = manifest.publication.files
    if manifest.publication.base is None or manifest.changes.keys() != files.keys():
        raise PublicationError(
            f"{where}: has no base, or not a change for each file. Publish a full "
            "version."
        )
    return manifest
