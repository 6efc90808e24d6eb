"""What a serving folder holds, version by version."""

from __future__ import annotations

import dataclasses
import json
from typing import Literal

from shardline.components.contracts.model_folder import CARD_FILE
from shardline.components.pusher.deltas.delta_manifest import (
    MANIFEST_FILE,
    payload_file,
)
from shardline.components.pusher.history import PROMOTED, ROLLBACK_OF
from shardline.components.pusher.publication import Publication, PublicationError
from shardline.components.pusher.stores.store import DELTAS, Store


@dataclasses.dataclass(frozen=True)
class Listed:
    """A version.

    Attributes:
        version: its number.
        served: whether it is the newest.
        kind: how it was published.
        bytes: of all its files, once they are put together; None: it does not say.
        delta_bytes: that a delta has; None for a full version.
        table_rows: rows of tables that a delta has; None for a full version.
        published_at: in UTC, ISO 8601.
        metrics: from its model card; those that are defined.
        undefined: why each of the others is not, from the card.
        forced: the reason why it was published whatever the gates said.
        rollback_of: the version that was served before it, if it is a rollback.
        promoted: the version whose content it has, if it was published again.
        digest: the digest of its files.
    """

    version: int
    served: bool
    kind: Literal["full", "delta"]
    bytes: int | None = None
    delta_bytes: int | None = None
    table_rows: int | None = None
    published_at: str | None = None
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    undefined: dict[str, str] = dataclasses.field(default_factory=dict)
    forced: str | None = None
    rollback_of: int | None = None
    promoted: int | None = None
    digest: str | None = None


def listed(store: Store) -> list[Listed]:
    """Returns all versions of a store, newest first.

    Of a version without a publication there is only the number.
    """
    newest = store.newest()
    return [_listed(store, v, v == newest) for v in reversed(store.all_versions())]


def _listed(store: Store, version: int, served: bool) -> Listed:
    is_delta = not store.is_full(version)
    row = Listed(version, served, "delta" if is_delta else "full")
    try:
        if is_delta:
            manifest = store.manifest(version)
            publication = manifest.publication
            row = dataclasses.replace(
                row,
                delta_bytes=manifest.bytes
                + store.size(f"{DELTAS}/{version}/{MANIFEST_FILE}"),
                table_rows=manifest.table_rows,
            )
        else:
            publication = store.publication(version)
        return _with_publication(_with_metrics(row, store), publication)
    except (OSError, PublicationError):
        return row


def _with_publication(row: Listed, publication: Publication) -> Listed:
    return dataclasses.replace(
        row,
        bytes=publication.bytes,
        published_at=publication.published_at,
        forced=publication.forced,
        rollback_of=publication.origin.get(ROLLBACK_OF),
        promoted=publication.origin.get(PROMOTED),
        digest=publication.digest,
    )


def _with_metrics(row: Listed, store: Store) -> Listed:
    try:
        card = json.loads(_card(store, row.version))
        metrics = {name: float(value) for name, value in card["metrics"].items()}
        undefined = {name: str(why) for name, why in card.get("undefined", {}).items()}
    except (OSError, PublicationError, ValueError, KeyError, AttributeError, TypeError):
        return row
    return dataclasses.replace(row, metrics=metrics, undefined=undefined)


def _card(store: Store, version: int) -> bytes:
    """Returns a version's model card, which a delta may leave in its base."""
    while not store.is_full(version):
        manifest = store.manifest(version)
        if manifest.changes[CARD_FILE].kind != "same":
            return store.read(f"{DELTAS}/{version}/{payload_file(CARD_FILE)}")
        version = manifest.base
    return store.read(f"{version}/{CARD_FILE}")
