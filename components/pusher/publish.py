"""Publishes a model as a version that no watching server can misread.

A version's number is the time in seconds, or more: it is larger than that of every
version that was ever in the folder. On a local file system it appears whole, by a
rename.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from shardline.components.contracts.model_folder import GRAPH_FILE
from shardline.components.pusher.deltas.delta import Base, write_delta
from shardline.components.pusher.deltas.delta_manifest import (
    MANIFEST_FILE,
    DeltaManifest,
)
from shardline.components.pusher.deltas.rebuild import rebuilt
from shardline.components.pusher.files import FileDigest, digest_of
from shardline.components.pusher.publication import (
    PublicationError,
    Record,
    copied_model,
    new_publication,
    verify,
)
from shardline.components.pusher.retention import collect
from shardline.components.pusher.stores.store import DELTAS, Store
from shardline.components.pusher.stores.stores import open_store
from shardline.configs.serving import Publishing

_log = logging.getLogger("shardline.publishing")


@dataclasses.dataclass(frozen=True)
class Published:
    """What became of a model.

    Attributes:
        version: its version.
        destination: the folder of that version.
        kind: how it was published; "unchanged": it is served already.
        bytes: written for it.
    """

    version: int
    destination: str
    kind: Literal["full", "delta", "unchanged"]
    bytes: int


def publish_model(
    model_folder: str | Path, serving_dir: str, publishing: Publishing, record: Record
) -> Published:
    """Makes a model the newest version of a serving folder.

    A model of the same content as the newest version's is not published again, unless
    forced. In mode `delta`, a version is full if there is no base for a delta, or it is
    time for one, or the delta is too large. Publishers of one folder take turns.

    Args:
        model_folder: the SavedModel, local.
        serving_dir: made if absent.
        publishing: how to publish, and how much to keep.
        record: what its publication is to say.

    Raises:
        FileNotFoundError: if there is no model in the folder.
        OSError: if the serving folder cannot be written.
    """
    store = open_store(serving_dir)
    if not Path(model_folder, GRAPH_FILE).is_file():
        raise FileNotFoundError(2, f"holds no {GRAPH_FILE} to publish", model_folder)
    with store.locked(), store.incoming() as work:
        files = copied_model(model_folder, work / "model")
        published = None
        if record.forced is None:
            published = _unchanged(store, digest_of(files))
        if published is None and publishing.mode == "delta":
            published = _added_delta(store, work, files, publishing, record)
        if published is None:
            published = added_full(store, work / "model", files, record)
        if publishing.keep is not None:
            collect(store, publishing.keep)
    return published


def added_full(
    store: Store, folder: Path, files: Mapping[str, FileDigest], record: Record
) -> Published:
    """Makes prepared files the newest version of a store, a full one. Under its lock.

    Args:
        store: where to.
        folder: the files, where the store prepares versions; they move.
        files: what they are.
        record: what is known of them.
    """
    publication = new_publication(store.claim(), files, record)
    publication.write(folder)
    store.put(folder, str(publication.version))
    version = publication.version
    return Published(version, store.location(version), "full", publication.bytes)


def _unchanged(store: Store, digest: str) -> Published | None:
    """Returns the newest version if it has this content, and all of its files.

    A full version on a local file system is read; of others the sizes are looked at.
    """
    version = store.newest()
    if version is None:
        return None
    try:
        publication = store.publication(version)
        sizes = {path: file.bytes for path, file in publication.files.items()}
        if not store.is_full(version):
            sizes = store.manifest(version).payload
        name = store.name_of(version)
        whole = all(store.size(f"{name}/{path}") == sizes[path] for path in sizes)
    except (OSError, PublicationError):
        return None
    if publication.digest != digest or not whole:
        return None
    folder = store.local_folder(version)
    if folder and store.is_full(version):
        try:
            verify(folder, publication)
        except (OSError, PublicationError) as error:
            _log.warning("published again, for %s", error)
            return None
    return Published(version, store.location(version), "unchanged", 0)


def _added_delta(
    store: Store,
    work: Path,
    files: Mapping[str, FileDigest],
    publishing: Publishing,
    record: Record,
) -> Published | None:
    """Publishes the files as a delta; None if a full version is called for."""
    version = store.newest()
    fulls = store.versions()
    since_full = [delta for delta in store.deltas() if delta > max(fulls, default=0)]
    if version is None or len(since_full) + 1 >= publishing.full_every:
        return None
    try:
        base = _base(store, version, work)
        changes = write_delta(base, work / "model", files, work / "delta")
    except (OSError, PublicationError) as error:
        _log.warning("a full version: version %d is no base: %s", version, error)
        return None
    publication = new_publication(0, files, record, version)
    manifest = DeltaManifest(
        publication=publication, base_digest=base.publication.digest, changes=changes
    )
    if manifest.bytes > publishing.max_delta * publication.bytes:
        _log.info("a full version: the delta would have %d bytes", manifest.bytes)
        return None
    return _put_delta(store, work, manifest)


def _base(store: Store, version: int, work: Path) -> Base:
    folder = store.local_folder(version)
    if folder is not None:
        return Base(folder, store.publication(version))
    return Base(*rebuilt(store, version, store, work / "base"))


def _put_delta(store: Store, work: Path, manifest: DeltaManifest) -> Published:
    version = store.claim()
    publication = manifest.publication.model_copy(update={"version": version})
    text = manifest.model_copy(update={"publication": publication}).model_dump_json()
    (work / "delta" / MANIFEST_FILE).write_text(text, encoding="utf-8")
    publication.write(work / "model")
    # Should the publisher be killed between the two, the next removes the first.
    store.keep_base(work / "model", version)
    store.put(work / "delta", f"{DELTAS}/{version}")
    written = manifest.bytes + len(text)
    return Published(version, store.location(version), "delta", written)
