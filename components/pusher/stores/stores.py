"""Which kind of store a serving folder is."""

from __future__ import annotations

from pathlib import Path

from shardline.components.pusher.stores.local_store import LocalStore
from shardline.components.pusher.stores.store import Store


def open_store(place: str | Path) -> Store:
    """Returns the store of a serving folder; it need not be there yet.

    Args:
        place: a local folder, or one with a scheme such as gs://, for which TensorFlow
            is imported.
    """
    if "://" in str(place):
        from shardline.components.pusher.stores.object_store import ObjectStore

        return ObjectStore(str(place))
    return LocalStore(str(place))
