"""Checks a published model from the outside, with what travels with it."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shardline.components.pusher.deltas.rebuild import rebuilt
from shardline.components.pusher.publication import PublicationError
from shardline.components.pusher.stores.stores import open_store
from shardline.components.validator.replay.answers import NotServedError
from shardline.components.validator.validate import check_parity


class ServeCheckError(RuntimeError):
    """No published model, or one that does not answer as it should."""


@contextlib.contextmanager
def published_model(serving_dir: Path) -> Iterator[tuple[int, Path]]:
    """Gives the newest version, and a folder that has all its files for as long.

    Args:
        serving_dir: the folder that model servers, or their agents, read.

    Raises:
        ServeCheckError: if there is no version, or it is a delta of one that is gone.
    """
    store = open_store(serving_dir)
    version = store.newest()
    if version is None:
        raise ServeCheckError(
            f"{serving_dir} holds no published model. Run the pipeline first."
        )
    if store.is_full(version):
        yield version, serving_dir / str(version)
        return
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=serving_dir.parent) as work:
        try:
            made, _ = rebuilt(store, version, store, Path(work))
        except PublicationError as error:
            raise ServeCheckError(str(error)) from error
        yield version, made


def check_published(serving_dir: Path, max_difference: float) -> str:
    """Asks the newest version in a fresh process what training was asked.

    Args:
        serving_dir: the folder that model servers, or their agents, read.
        max_difference: the largest difference to the engine's scores that is allowed.

    Returns:
        One line for people.

    Raises:
        ServeCheckError: if there is no version, or it does not answer as the engine.
    """
    with published_model(serving_dir) as (version, folder):
        try:
            parity = check_parity(str(folder), max_difference)
        except NotServedError as error:
            raise ServeCheckError(f"Version {version}: {error}") from error
    if not parity.gate.passes:
        raise ServeCheckError(f"Version {version}: {parity.gate.why}")
    lookups = sum(table.examples for table in parity.tables.values())
    refused = sum(table.refused for table in parity.tables.values())
    return (
        f"Version {version} answers {parity.scores.examples} examples as the "
        f"engine did: largest difference {parity.scores.largest_difference:.1e}. "
        f"{lookups} lookups of {len(parity.tables)} tables are as in training, "
        f"{refused} are refused as in training."
    )
