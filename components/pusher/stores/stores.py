"""Which kind of store a serving folder is."""

from __future__ import annotations

from pathlib import Path

from shardline.components.pusher.stores.local_store import LocalStore
from shardline.components.pusher.stores.store import Store
from shardline.configs.locations import is_remote


def open_store(location: str | Path) -> Store:
    """Returns the store of a serving folder, which need not exist yet.

    Args:
        location: a local folder, or one with a scheme such as gs://, for which
            TensorFlow is imported.
    """
    if is_remote(str(location)):
        from shardline.components.pusher.stores.object_store import ObjectStore

        return ObjectStore(str(location))
    return LocalStore(str(location))
