"""Publishing a SavedModel as a new version that no watching server can misread.

Versions are the time in seconds, and always larger than every version there.
TensorFlow Serving takes the largest number among the children of its folder.
"""

import os
import shutil
import time
from pathlib import Path

from tfx.dsl.io import fileio
from tfx.utils import io_utils

from components.local_copy import is_remote
from components.versions import latest_version

_MODEL_FILE = "saved_model.pb"
_FINGERPRINT = "fingerprint.pb"


def publish(model_folder: str, serving_dir: str) -> str:
    """Makes a model the latest version of a serving folder; returns that version's.

    Copies nothing if it is the latest already. On a local file system the version
    appears whole, by a rename. On an object store, which has none, `saved_model.pb`
    comes last: servers wait for it.

    Args:
        model_folder: the SavedModel, local.
        serving_dir: made if absent.

    Raises:
        OSError: if the serving folder cannot be written.
    """
    latest = _latest(serving_dir)
    if latest is not None and _is_same_export(model_folder, latest):
        return latest
    if is_remote(serving_dir):
        return _upload(model_folder, serving_dir)
    folder = Path(serving_dir)
    folder.mkdir(parents=True, exist_ok=True)
    incoming = folder / f".incoming-{os.getpid()}-{time.monotonic_ns()}"
    try:
        shutil.copytree(model_folder, incoming)
        return str(_renamed(incoming, folder))
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _latest(serving_dir: str) -> str | None:
    names = fileio.listdir(serving_dir) if fileio.exists(serving_dir) else []
    version = latest_version(names)
    return None if version is None else os.path.join(serving_dir, str(version))


def _is_same_export(model_folder: str, other: str) -> bool:
    """Compares fingerprints, in which TensorFlow gives each export an id of its own."""
    paths = [os.path.join(folder, _FINGERPRINT) for folder in (model_folder, other)]
    if not all(fileio.exists(path) for path in paths):
        return False
    mine, theirs = (fileio.open(path, "rb").read() for path in paths)
    return bool(mine == theirs)


def _next_version(serving_dir: str) -> int:
    latest = _latest(serving_dir)
    after_latest = int(os.path.basename(latest)) + 1 if latest else 0
    return max(int(time.time()), after_latest)


def _renamed(incoming: Path, folder: Path) -> Path:
    """Gives the finished copy its version; another publisher may take one first."""
    while True:
        target = folder / str(_next_version(str(folder)))
        try:
            # Fails where the target is there already, unless it is an empty folder.
            return incoming.rename(target)
        except OSError:
            if not target.exists():
                raise


def _upload(model_folder: str, serving_dir: str) -> str:
    target = f"{serving_dir.rstrip('/')}/{_next_version(serving_dir)}"
    for name in os.listdir(model_folder):
        source = os.path.join(model_folder, name)
        if os.path.isdir(source):
            io_utils.copy_dir(source, f"{target}/{name}")
        elif name != _MODEL_FILE:
            io_utils.copy_file(source, f"{target}/{name}")
    io_utils.copy_file(
        os.path.join(model_folder, _MODEL_FILE), f"{target}/{_MODEL_FILE}"
    )
    return target
