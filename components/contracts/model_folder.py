"""What a model folder holds: the folder of an exported or published model.

    saved_model.pb       graph and signatures; a server waits for this file
    fingerprint.pb       TensorFlow's fingerprint of graph and variables
    variables/           rows of tables, and dense variables
    assets/              vocabularies
    assets.extra/        what travels with the model, and no server needs to load it
        model.json                   the model card
        forms.json                   the precision report, if tables are rounded
        rows.json                    where rows lie in the files of `variables/`
        parity/                      what the model must answer as training did
        tf_serving_warmup_requests   requests that a server replays before it serves
        publication.json             of a published model: what was published, and why

All paths are relative to the folder, with `/`, as object stores and deltas take them.
A serving folder has one model folder for each version, named by its number. Imports
neither TensorFlow nor TFX, so that a publisher or an agent starts in a moment.
"""

from collections.abc import Iterable
from pathlib import Path

GRAPH_FILE = "saved_model.pb"
FINGERPRINT_FILE = "fingerprint.pb"
VARIABLES_FOLDER = "variables"
# What TensorFlow calls a checkpoint's prefix.
VARIABLES_PREFIX = f"{VARIABLES_FOLDER}/variables"
VOCABULARIES_FOLDER = "assets"

_EXTRA_FOLDER = "assets.extra"
CARD_FILE = f"{_EXTRA_FOLDER}/model.json"
PRECISION_FILE = f"{_EXTRA_FOLDER}/forms.json"
ROWS_FILE = f"{_EXTRA_FOLDER}/rows.json"
PARITY_FOLDER = f"{_EXTRA_FOLDER}/parity"
WARMUP_FILE = f"{_EXTRA_FOLDER}/tf_serving_warmup_requests"
PUBLICATION_FILE = f"{_EXTRA_FOLDER}/publication.json"

_LARGEST_VERSION = 2**63 - 1


def write_extra(folder: str | Path, file: str, text: str) -> None:
    """Writes a text file that travels with a model.

    Args:
        folder: the model folder.
        file: its path in the folder, such as CARD_FILE; its parent is made.
        text: the content.
    """
    path = Path(folder, file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def loaded_bytes(folder: str | Path) -> dict[str, int]:
    """Returns the bytes of the files that a server loads, by path in the folder.

    Args:
        folder: the model folder; what only travels with the model is left out.
    """
    folder = Path(folder)
    extra = folder / _EXTRA_FOLDER
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.is_relative_to(extra)
    }


def version_of(name: str) -> int | None:
    """Returns the version that a model folder's name stands for; None if it is none.

    A version is a whole number from 0 to 2^63 - 1, in decimal digits without leading
    zeros. TensorFlow Serving reads versions as int64, and looks at no other name.

    Args:
        name: the name of a child of a serving folder.
    """
    if not (name.isascii() and name.isdecimal()):
        return None
    if len(name) > len(str(_LARGEST_VERSION)):
        return None
    version = int(name)
    return version if str(version) == name and version <= _LARGEST_VERSION else None


def versions_among(names: Iterable[str]) -> list[int]:
    """Returns the versions among the names in a serving folder, smallest first.

    Args:
        names: the names of the folder's children; folders may end with `/`.
    """
    versions = (version_of(name.rstrip("/")) for name in names)
    return sorted(version for version in versions if version is not None)
