"""What a published version says of itself: its publication, a JSON file.

    {"version": 1795359836, "digest": "9f...", "files": {"fingerprint.pb":
     {"bytes": 1, "sha256": "..."}, ...}, "published_at": "2026-11-22T15:00:00+00:00",
     "origin": {...}, "forced": null, "overridden": [], "gates": [...], "base": null}

The digest and the files leave out the publication itself.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from shardline.components.contracts.model_folder import PUBLICATION_FILE, write_extra
from shardline.components.pusher.files import (
    FileDigest,
    copied,
    digest_of,
    file_digest,
    files_below,
)


class PublicationError(RuntimeError):
    """A version without a publication, or whose files are not what it says."""


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise ValueError("must be a path inside the version")
    return path


InsidePath = Annotated[str, AfterValidator(_inside)]


@dataclasses.dataclass(frozen=True)
class Record:
    """What a publisher knows of a model, for its publication.

    Attributes:
        origin: where it comes from, such as the model's uri and the run.
        forced: the reason why it is published whatever the gates say.
        overridden: names of the gates that were closed.
        gates: verdicts of all gates.
    """

    origin: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    forced: str | None = None
    overridden: Sequence[str] = ()
    gates: Sequence[Mapping[str, Any]] = ()


class Publication(BaseModel):
    """A published version.

    Attributes:
        version: its number.
        digest: the digest of its files.
        files: its files by path, the publication left out.
        published_at: in UTC, ISO 8601.
        origin: where it comes from.
        forced: the reason why it was published whatever the gates said, or None.
        overridden: names of the gates that were closed.
        gates: verdicts of all gates.
        base: the version that its delta refers to; None for a full version.
    """

    model_config = ConfigDict(frozen=True)

    version: int
    digest: str
    files: dict[InsidePath, FileDigest]
    published_at: str
    origin: dict[str, Any] = {}
    forced: str | None = None
    overridden: list[str] = []
    gates: list[dict[str, Any]] = []
    base: int | None = None

    @property
    def bytes(self) -> int:
        """The bytes of all files."""
        return sum(file.bytes for file in self.files.values())

    def write(self, folder: Path) -> None:
        """Writes it into the folder of its version."""
        write_extra(folder, PUBLICATION_FILE, self.model_dump_json(indent=1))


def new_publication(
    version: int,
    files: Mapping[str, FileDigest],
    record: Record,
    base: int | None = None,
) -> Publication:
    """Returns the publication of a version that is published now."""
    now = datetime.datetime.now(datetime.UTC)
    return Publication(
        version=version,
        digest=digest_of(files),
        files=dict(files),
        published_at=now.isoformat(timespec="seconds"),
        origin=dict(record.origin),
        forced=record.forced,
        overridden=list(record.overridden),
        gates=[dict(gate) for gate in record.gates],
        base=base,
    )


def parsed_publication(text: bytes, where: str) -> Publication:
    """Reads a publication.

    Args:
        text: JSON.
        where: what it was read from, for the message.

    Raises:
        PublicationError: if the text is no publication.
    """
    try:
        return Publication.model_validate_json(text)
    except ValidationError as error:
        raise PublicationError(
            f"{where}: is no publication: {first_fault(error)}. Publish the model "
            "again."
        ) from error


def first_fault(error: ValidationError) -> str:
    """Returns the first fault of a JSON file in a line."""
    fault = error.errors()[0]
    location = ".".join(str(part) for part in fault["loc"])
    return f"{location}: {fault['msg']}" if location else str(fault["msg"])


def copied_model(source: str | Path, target: Path) -> dict[str, FileDigest]:
    """Copies a model's files, and returns the digests of what was read.

    Args:
        source: its folder; a publication in it is left behind.
        target: made if absent.
    """
    paths = [path for path in files_below(source) if path != PUBLICATION_FILE]
    return {path: copied(Path(source, path), target / path) for path in paths}


def verify(folder: Path, publication: Publication) -> None:
    """Reads every file of a version, and compares it with what it should be.

    Args:
        folder: the version's files; the publication may be absent.
        publication: what they should be.

    Raises:
        PublicationError: if a file is missing, too much, or of other content.
    """
    paths = {path for path in files_below(folder) if path != PUBLICATION_FILE}
    different = sorted(paths ^ publication.files.keys())
    if different:
        fault = "is not expected" if different[0] in paths else "is missing"
        raise PublicationError(f"{folder}: {different[0]} {fault}.")
    for path, expected in publication.files.items():
        found = file_digest(folder / path)
        if found != expected:
            raise PublicationError(
                f"{folder}: {path} is not what was published: got {found.bytes} bytes "
                f"of sha256 {found.sha256[:12]}, expected {expected.bytes} of "
                f"{expected.sha256[:12]}."
            )
    if digest_of(publication.files) != publication.digest:
        raise PublicationError(
            f"{folder}: its files have digest {digest_of(publication.files)[:12]}, "
            f"expected {publication.digest[:12]}."
        )
