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

from components.versions import latest_version

_MODEL_FILE = "saved_model.pb"


def publish(model_folder: str, serving_dir: str) -> str:
    """Copies a model into `<serving_dir>/<version>` and returns that folder.

    On a local file system the version appears whole, by a rename. On an object store,
    which has none, `saved_model.pb` comes last: servers wait for it.

    Args:
        model_folder: the SavedModel.
        serving_dir: made if absent.
    """
    if "://" in serving_dir:
        return _upload(model_folder, serving_dir)
    folder = Path(serving_dir)
    folder.mkdir(parents=True, exist_ok=True)
    incoming = folder / f".incoming-{os.getpid()}-{time.monotonic_ns()}"
    try:
        shutil.copytree(model_folder, incoming)
        return str(_renamed(incoming, folder))
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _next_version(serving_dir: str) -> int:
    names = fileio.listdir(serving_dir) if fileio.exists(serving_dir) else []
    return max(int(time.time()), (latest_version(names) or 0) + 1)


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
