"""The newest published model, with all its files: full or a delta, local or not."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shardline.components.folders.scratch import scratch_folder
from shardline.components.pusher.deltas.rebuild import rebuilt
from shardline.components.pusher.publication import PublicationError
from shardline.components.pusher.stores.local_store import LocalStore
from shardline.components.pusher.stores.store import Store
from shardline.components.pusher.stores.stores import open_store


@contextlib.contextmanager
def newest_model(serving_folder: str | Path) -> Iterator[tuple[int, Path]]:
    """Gives the newest version, and a folder that has all its files meanwhile.

    Args:
        serving_folder: the folder that model servers, or their agents, read; local, or
            with a scheme such as gs://, of which a copy is made.

    Raises:
        PublicationError: if there is no version, or it is a delta of one that is gone,
            or its files are not what was published.
    """
    store = open_store(serving_folder)
    version = store.newest()
    if version is None:
        raise PublicationError(
            f"{serving_folder} holds no published model. Run the pipeline first."
        )
    with published_model(store, version) as folder:
        yield version, folder


@contextlib.contextmanager
def published_model(store: Store, version: int) -> Iterator[Path]:
    """Gives a folder that has all files of a version meanwhile.

    Args:
        store: where it is published.
        version: full or a delta.

    Raises:
        PublicationError: if it is a delta of one that is gone, or its files are not
            what was published.
    """
    if isinstance(store, LocalStore):
        if store.is_full(version):
            yield Path(store.root, str(version))
            return
        # Files are linked, which takes the same file system.
        parent = Path(store.root).parent
    else:
        parent = Path(tempfile.gettempdir())
    with scratch_folder(parent) as work:
        folder, _ = rebuilt(store, version, store, work)
        yield folder
