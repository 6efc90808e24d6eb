"""Older versions that become the newest again: promotion and rollback.

Servers take the largest number, so going back means publishing old content anew. It is
always a full version: locally its files are links, and an agent that still has a
version of this content fetches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shardline.components.pusher.deltas.rebuild import rebuilt
from shardline.components.pusher.publication import (
    Publication,
    PublicationError,
    Record,
)
from shardline.components.pusher.publish import Published, added_full
from shardline.components.pusher.stores.store import Store

PROMOTED = "promoted"
ROLLBACK_OF = "rollback_of"


def promote(store: Store, version: int) -> Published:
    """Makes a version's content the newest version again.

    Its origin, in the new publication, says `promoted`: the version it was.

    Args:
        store: the serving folder.
        version: one of its versions, full or delta.

    Raises:
        PublicationError: if there is no such version, it is served already, or its
            files are damaged.
    """
    with store.locked():
        if version not in store.all_versions():
            known = ", ".join(map(str, store.all_versions())) or "none"
            raise PublicationError(
                f"{store.root} has no version {version}; there is {known}."
            )
        newest = store.newest()
        assert newest is not None
        if store.publication(newest).digest == store.publication(version).digest:
            raise PublicationError(
                f"Version {newest}, which is served, has the content of version "
                f"{version} already."
            )
        return _published_again(store, version, {})


def rollback(store: Store) -> Published:
    """Goes back to the newest older version with other content than the served one.

    A rollback from a rollback goes on below the version that the first went back to,
    so that going back twice goes two models back. A promotion is undone.

    Raises:
        PublicationError: if there is no older content.
    """
    with store.locked():
        served = store.newest()
        if served is None:
            raise PublicationError(f"{store.root} holds no published model.")
        publication = store.publication(served)
        before = _version_before(store, publication)
        for version in reversed(store.all_versions()):
            if version < before and _digest(store, version) not in (
                publication.digest,
                None,
            ):
                return _published_again(store, version, {ROLLBACK_OF: served})
    raise PublicationError(
        f"{store.root} holds nothing older than version {before} with other content. "
        "`shardline models ls` shows what can be promoted."
    )


def _version_before(store: Store, publication: Publication) -> int:
    """Returns the version that a rollback has to go below."""
    versions = store.all_versions()
    while ROLLBACK_OF in publication.origin:
        version = int(publication.origin[PROMOTED])
        if version not in versions:
            return version
        publication = store.publication(version)
    return publication.version


def _digest(store: Store, version: int) -> str | None:
    try:
        return store.publication(version).digest
    except PublicationError:
        return None


def _published_again(
    store: Store, version: int, origin: Mapping[str, Any]
) -> Published:
    with store.incoming() as work:
        folder, publication = rebuilt(store, version, store, work)
        inherited = dict(publication.origin)
        inherited.pop(ROLLBACK_OF, None)
        record = Record(
            origin={**inherited, **origin, PROMOTED: version},
            forced=publication.forced,
            overridden=publication.overridden,
            gates=publication.gates,
        )
        return added_full(store, folder, publication.files, record)
