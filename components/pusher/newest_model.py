"""The newest published model, with all its files, whether it is full or a delta."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from shardline.components.folders.scratch import scratch_folder
from shardline.components.pusher.deltas.rebuild import rebuilt
from shardline.components.pusher.publication import PublicationError
from shardline.components.pusher.stores.stores import open_store


@contextlib.contextmanager
def newest_model(serving_folder: Path) -> Iterator[tuple[int, Path]]:
    """Gives the newest version, and a folder that has all its files meanwhile.

    Args:
        serving_folder: the folder that model servers, or their agents, read.

    Raises:
        PublicationError: if there is no version, or it is a delta of one that is gone.
    """
    store = open_store(serving_folder)
    version = store.newest()
    if version is None:
        raise PublicationError(
            f"{serving_folder} holds no published model. Run the pipeline first."
        )
    if store.is_full(version):
        yield version, serving_folder / str(version)
        return
    with scratch_folder(serving_folder.parent) as work:
        folder, _ = rebuilt(store, version, store, work)
        yield version, folder
