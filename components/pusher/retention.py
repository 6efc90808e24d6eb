"""Removing old versions, and none that is served or that a kept one needs."""

from __future__ import annotations

import contextlib
import dataclasses

from shardline.components.pusher.publication import PublicationError
from shardline.components.pusher.stores.store import Store


@dataclasses.dataclass(frozen=True)
class Freed:
    """What was removed.

    Attributes:
        versions: smallest first.
        bytes: the bytes that the file system has back.
    """

    versions: list[int]
    bytes: int


def collect(store: Store, keep: int, is_dry_run: bool = False) -> Freed:
    """Removes all but the newest versions. Under the store's lock.

    A full version or delta that a kept version is made from stays, too.

    Args:
        store: where from.
        keep: how many versions to keep, the one that is served included; 1 or more.
        is_dry_run: remove nothing, only say what would be.

    Raises:
        ValueError: if `keep` is less than 1.
    """
    if keep < 1:
        raise ValueError(
            f"{keep} versions to keep: the served one must stay. Keep 1 or more."
        )
    versions = store.all_versions()
    kept = {need for version in versions[-keep:] for need in needs(store, version)}
    removed = [version for version in versions if version not in kept]
    names = [store.name_of(version) for version in removed]
    freed = Freed(removed, store.bytes_freed_by(names))
    if not is_dry_run:
        store.remove(names)
    return freed


def needs(store: Store, version: int) -> list[int]:
    """Returns a version and all that it is made from, down to a full version."""
    chain = [version]
    with contextlib.suppress(PublicationError):  # what comes before is of no use
        while not store.is_full(chain[-1]):
            chain.append(store.manifest(chain[-1]).base)
    return chain
