"""All files of a version, from what there is: a full version, or a base and deltas."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

from shardline.components.pusher.deltas.delta_manifest import (
    MANIFEST_FILE,
    Change,
    DeltaManifest,
    payload_file,
)
from shardline.components.pusher.deltas.rows import write_patched
from shardline.components.pusher.files import linked
from shardline.components.pusher.publication import (
    Publication,
    PublicationError,
    verify,
)
from shardline.components.pusher.stores.store import DELTAS, Store

_log = logging.getLogger("shardline.publishing")


@dataclasses.dataclass(frozen=True)
class Route:
    """A way to all files of a version.

    Attributes:
        start: the version that its files come from.
        folder: where they are at hand, to be linked; None: they are fetched.
        deltas: the deltas to apply to them, one after the other.
    """

    start: Publication
    folder: Path | None
    deltas: tuple[DeltaManifest, ...]

    @property
    def bytes(self) -> int:
        """How much has to travel."""
        fetched = 0 if self.folder else self.start.bytes
        return fetched + sum(manifest.bytes for manifest in self.deltas)

    def __str__(self) -> str:
        """Returns the way in words, for people."""
        start = f"{'' if self.folder else 'full '}version {self.start.version}"
        return f"{start} and {len(self.deltas)} deltas"


def rebuilt(
    source: Store, version: int, local: Store, work: Path
) -> tuple[Path, Publication]:
    """Makes all files of a version, and reads them all to see that they are right.

    Takes the way on which the fewest bytes travel, and the next if that fails.

    Args:
        source: the store that has the version.
        version: one of its versions, full or delta.
        local: the store whose versions are at hand; their files are linked, not copied.
        work: a folder on the file system of `local`.

    Returns:
        The folder with the files, in `work`, and what they are.

    Raises:
        PublicationError: if there is no way that works.
    """
    wanted = source.publication(version)
    faults = []
    for count, route in enumerate(routes(source, wanted, local)):
        try:
            return _built(route, source, work / str(count)), wanted
        except (OSError, PublicationError) as error:
            _log.warning("version %d from %s failed: %s", version, route, error)
            faults.append(f"{route}: {error}")
            shutil.rmtree(work / str(count), ignore_errors=True)
    raise PublicationError(
        f"Version {version} of {source.root} cannot be made. Publish a full version. "
        f"{'; '.join(faults) or 'There is no full version that it could start from'}"
    )


def routes(source: Store, wanted: Publication, local: Store) -> list[Route]:
    """Returns the ways to a version, those first on which the fewest bytes travel."""
    at_hand = dict(_at_hand(local))
    found = []
    deltas: tuple[DeltaManifest, ...] = ()
    version, digest = wanted.version, wanted.digest
    with contextlib.suppress(PublicationError):  # the chain ends there
        while True:
            if digest in at_hand:
                found.append(Route(*at_hand[digest], deltas))
            if source.is_full(version):
                full = source.publication(version)
                if full.digest == digest:
                    found.append(Route(full, None, deltas))
                break
            deltas = (source.manifest(version), *deltas)
            version, digest = deltas[0].base, deltas[0].base_digest
    return sorted(found, key=lambda route: route.bytes)


def _at_hand(local: Store) -> Iterator[tuple[str, tuple[Publication, Path]]]:
    for version in local.all_versions():
        folder = local.local_folder(version)
        if folder is not None:
            with contextlib.suppress(PublicationError):
                publication = local.publication(version)
                yield publication.digest, (publication, folder)


def _built(route: Route, source: Store, work: Path) -> Path:
    folder = work / "start"
    for path in route.start.files:
        if route.folder is None:
            source.fetch(f"{route.start.version}/{path}", folder / path)
        else:
            linked(route.folder / path, folder / path)
    for manifest in route.deltas:
        after = work / f"{DELTAS}-{manifest.publication.version}"
        for path, change in manifest.changes.items():
            _apply(source, manifest, (path, change), (folder, after))
        shutil.rmtree(folder)
        folder = after
    verify(folder, route.deltas[-1].publication if route.deltas else route.start)
    return folder


def _apply(
    source: Store,
    manifest: DeltaManifest,
    changed: tuple[str, Change],
    folders: tuple[Path, Path],
) -> None:
    """Makes one file of the version after a delta, from that before it."""
    (path, change), (before, after) = changed, folders
    name = f"{DELTAS}/{manifest.publication.version}/{payload_file(path)}"
    if change.kind == "same":
        linked(before / path, after / path)
    elif change.kind == "whole":
        source.fetch(name, after / path)
    else:
        payload = before.parent / MANIFEST_FILE / path
        source.fetch(name, payload)
        size = manifest.publication.files[path].bytes
        write_patched(before / path, payload, change, size, after / path)
        payload.unlink()
