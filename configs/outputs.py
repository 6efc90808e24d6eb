"""By what the output folder of a run is known, where it lies among data."""

from collections.abc import Collection

METADATA_FILE = "metadata.sqlite"
ARTIFACTS_FOLDER = "artifacts"


def is_output_folder(folders: Collection[str], files: Collection[str]) -> bool:
    """Tells a run's outputs from data.

    Args:
        folders: names of the folders in a folder.
        files: names of the files in it.
    """
    return METADATA_FILE in files and ARTIFACTS_FOLDER in folders
