"""Checks a published model from the outside, with what travels with it."""

from pathlib import Path

from components.publishing.stores import open_store
from components.serving_validator.fresh_process import NotServedError
from components.serving_validator.validate import check_parity


class ServeCheckError(RuntimeError):
    """No published model, or one that does not answer as it should."""


def published_model(serving_dir: Path) -> Path:
    """Returns the folder that has all files of the newest version.

    Args:
        serving_dir: the folder that model servers, or their agents, read.

    Raises:
        ServeCheckError: if there is no version, or only a delta of it.
    """
    store = open_store(serving_dir)
    version = store.newest()
    if version is None:
        raise ServeCheckError(
            f"{serving_dir} holds no published model. Run the pipeline first."
        )
    folder = store.local_folder(version)
    if folder is None:
        raise ServeCheckError(
            f"{serving_dir} holds version {version} as a delta only. Let `shardline "
            "agent` make the whole version."
        )
    return folder


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
    folder = published_model(serving_dir)
    try:
        parity = check_parity(str(folder), max_difference)
    except NotServedError as error:
        raise ServeCheckError(str(error)) from error
    if not parity.gate.passes:
        raise ServeCheckError(f"Version {folder.name}: {parity.gate.why}")
    lookups = sum(table.examples for table in parity.tables.values())
    refused = sum(table.refused for table in parity.tables.values())
    return (
        f"Version {folder.name} answers {parity.scores.examples} examples as the "
        f"engine did: largest difference {parity.scores.largest_difference:.1e}. "
        f"{lookups} lookups of {len(parity.tables)} tables are as in training, "
        f"{refused} are refused as in training."
    )
