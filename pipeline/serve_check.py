"""Checks a published model from the outside, with what travels with it."""

import os
from pathlib import Path

from components.exporter.parity_gate import ParityError, check_parity
from components.versions import latest_version


class ServeCheckError(RuntimeError):
    """No published model, or one that does not answer as it should."""


def published_model(serving_dir: Path) -> Path:
    """Returns the folder of the latest version.

    Args:
        serving_dir: the folder that model servers watch.

    Raises:
        ServeCheckError: if there is no version.
    """
    names = os.listdir(serving_dir) if serving_dir.is_dir() else []
    version = latest_version(names)
    if version is None:
        raise ServeCheckError(
            f"{serving_dir} holds no published model. Run the pipeline first."
        )
    return serving_dir / str(version)


def check_published(serving_dir: Path, max_difference: float) -> str:
    """Replays the latest version's parity examples in a fresh process.

    Args:
        serving_dir: the folder that model servers watch.
        max_difference: the largest difference to the engine's scores that is allowed.

    Returns:
        One line for people.

    Raises:
        ServeCheckError: if there is no version, or it does not answer as the engine.
    """
    folder = published_model(serving_dir)
    try:
        result = check_parity(str(folder), max_difference)
    except ParityError as error:
        raise ServeCheckError(str(error)) from error
    return (
        f"Version {folder.name} answers {result.examples} examples as the engine did: "
        f"largest difference {result.max_difference:.1e}, allowed {max_difference:.1e}."
    )
