"""The output folder of a run: where it lies by default, and how it is recognized."""

from collections.abc import Collection
from pathlib import Path

METADATA_FILE = "metadata.sqlite"
ARTIFACTS_FOLDER = "artifacts"
DOWNLOADS_FOLDER = "data"
SERVING_FOLDER = "serving"


def output_folder(run: str) -> Path:
    """Returns the output folder of a run that names no other, below the current one.

    Args:
        run: the name of the run.
    """
    return Path("runs", run)


def downloads_folder(run: str) -> Path:
    """Returns where data packages are kept if the run's output folder is the default.

    Args:
        run: the name of the run.
    """
    return output_folder(run) / DOWNLOADS_FOLDER


def is_output_folder(folders: Collection[str], files: Collection[str]) -> bool:
    """Tells a run's outputs from data.

    Args:
        folders: the names of the folders in a folder.
        files: the names of the files in it.
    """
    return METADATA_FILE in files and ARTIFACTS_FOLDER in folders
