"""Making a delta: what a new version has that its base does not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from shardline.components.pusher.deltas.delta_manifest import Change, payload_file
from shardline.components.pusher.deltas.rows import regions_of, write_changed_rows
from shardline.components.pusher.files import FileDigest, file_digest, linked
from shardline.components.pusher.publication import Publication, PublicationError


class Base(NamedTuple):
    """What a delta refers to.

    Attributes:
        folder: local, with all its files.
        publication: what they are.
    """

    folder: Path
    publication: Publication


def write_delta(
    base: Base, model: Path, files: Mapping[str, FileDigest], folder: Path
) -> dict[str, Change]:
    """Writes the payload of a delta.

    Args:
        base: what it refers to.
        model: the new version's files.
        files: what they are.
        folder: the delta's folder; made.

    Returns:
        How each file comes from the base.

    Raises:
        PublicationError: if the base is not what was published.
    """
    folder.mkdir(parents=True)
    base_regions, regions = regions_of(base.folder), regions_of(model)
    changes = {}
    for path, digest in files.items():
        if base.publication.files.get(path) == digest:
            changes[path] = Change(kind="same")
            continue
        payload = folder / payload_file(path)
        change = None
        if path in regions and path in base_regions:
            _check(base, path)
            change = write_changed_rows(
                (base.folder / path, base_regions[path]),
                (model / path, regions[path]),
                payload,
            )
        if change is None:
            linked(model / path, payload)
            change = Change(kind="whole")
        changes[path] = change
    return changes


def _check(base: Base, path: str) -> None:
    """Checks a file of the base: agents have it as it was published."""
    found, expected = file_digest(base.folder / path), base.publication.files[path]
    if found != expected:
        raise PublicationError(
            f"{base.folder}: {path} has changed since it was published: got sha256 "
            f"{found.sha256[:12]}, expected {expected.sha256[:12]}."
        )
