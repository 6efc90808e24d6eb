"""Published models: a version without the ids becomes the newest, older ones go.

Servers have an answer all the time: the new version is there before one is removed. A
version that is renewed is a full one, for a delta would lead back to what was erased.
"""

from collections.abc import Mapping

from shardline.components.eraser.models import erase_from_model
from shardline.components.eraser.report import Change, Touched
from shardline.components.eraser.scope import Scope
from shardline.components.pusher.deltas.rebuild import rebuilt
from shardline.components.pusher.files import files_below, linked
from shardline.components.pusher.publication import (
    PublicationError,
    Record,
    copied_model,
)
from shardline.components.pusher.publish import added_full
from shardline.components.pusher.stores.store import Store

ERASED = "erased"


def erase_from_store(
    store: Store,
    scope: Scope,
    checkpoints: Mapping[str, str],
    *,
    is_dry_run: bool = False,
) -> list[Touched]:
    """Publishes the newest version without the ids, and removes what is older.

    Nothing happens if no version holds one.

    Args:
        store: the serving folder.
        scope: what is erased.
        checkpoints: what digests of checkpoints' indices became, for the model card.
        is_dry_run: change nothing.

    Raises:
        PublicationError: if the newest version is damaged.
    """
    with store.locked():
        newest = store.newest()
        if newest is None:
            return []
        touched = []
        published = newest
        change, renewed = _renewed(store, newest, scope, checkpoints, is_dry_run)
        if change:
            published = renewed or newest
            touched.append(
                Touched(
                    path=_named(store, str(published)),
                    outcome="published",
                    why=f"version {newest} without the ids",
                    change=change,
                )
            )
        older = [one for one in store.all_versions() if one not in (newest, published)]
        if change or any(_holds(store, one, scope) for one in older):
            removed = sorted({*older, *((newest,) if change else ())})
            touched += [_removed(store, version) for version in removed]
            if not is_dry_run:
                store.remove([store.name_of(version) for version in removed])
    if touched and not is_dry_run:
        with store.locked():  # lets what is kept for the next delta go
            pass
    return touched


def _removed(store: Store, version: int) -> Touched:
    return Touched(
        path=_named(store, store.name_of(version)),
        outcome="deleted",
        why="an older version, which holds ids or leads to one that does",
    )


def _named(store: Store, name: str) -> str:
    return f"{store.root.rstrip('/')}/{name}"


def _renewed(
    store: Store,
    version: int,
    scope: Scope,
    checkpoints: Mapping[str, str],
    is_dry_run: bool,
) -> tuple[Change, int | None]:
    """Publishes a version without the ids; returns what was erased, and its number."""
    with store.incoming() as work:
        folder, publication = rebuilt(store, version, store, work / "whole")
        model = work / "model"
        for path in files_below(folder):
            linked(folder / path, model / path)
        change = erase_from_model(model, scope, checkpoints)
        if not change or is_dry_run:
            return change, None
        record = Record(
            origin={**publication.origin, ERASED: True},
            forced=publication.forced,
            overridden=publication.overridden,
            gates=publication.gates,
        )
        files = copied_model(model, work / "copied")
        return change, added_full(store, work / "copied", files, record).version


def _holds(store: Store, version: int, scope: Scope) -> bool:
    """Returns whether a version holds an id; one that cannot be made may."""
    try:
        change, _ = _renewed(store, version, scope, {}, is_dry_run=True)
    except (OSError, PublicationError):
        return True
    return bool(change)
