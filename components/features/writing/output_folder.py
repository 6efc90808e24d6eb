"""The folder of a job's results, which appears whole or not at all.

Results are written to `OUT.partial-...`, which is renamed when all is done. What a
killed job has left is removed by the next one with this output.
"""

import contextlib
import glob
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf

from shardline.components.folders.lock import FolderHeldError, locked
from shardline.configs.locations import is_remote


class OutputExistsError(ValueError):
    """There is something already where results are to go."""


@contextlib.contextmanager
def partial_folder(output: str) -> Iterator[str]:
    """Gives a folder beside the output, which only one process writes at a time.

    It is removed in the end, unless `put_in_place` has given it its name.

    Args:
        output: the folder that is to appear; it must not be there yet.

    Raises:
        OutputExistsError: if there is something at `output`.
        FolderHeldError: if another process writes it.
        ValueError: if no folder can be made there, or its name is a pattern.
    """
    output = output.rstrip("/")
    _check_output(output)
    with contextlib.ExitStack() as stack:
        if not is_remote(output):
            stack.enter_context(_alone(Path(output)))
            _check_output(output)  # another process may have made it by now
            for dead in glob.glob(f"{glob.escape(output)}.partial-????????"):
                shutil.rmtree(dead, ignore_errors=True)
        partial = f"{output}.partial-{uuid.uuid4().hex[:8]}"
        make_folder(partial)
        stack.callback(_remove, partial)
        yield partial


def put_in_place(partial: str, output: str, save_report: Callable[[str], None]) -> None:
    """Gives the folder its name. Objects are copied, and the report is last.

    Args:
        partial: as `partial_folder` gives it.
        output: the name.
        save_report: writes the report into a folder.
    """
    if is_remote(output):
        tf.io.gfile.rename(partial, output)
        save_report(output)
    else:
        save_report(partial)
        tf.io.gfile.rename(partial, output)


def make_folder(folder: str) -> None:
    """Makes a folder.

    Raises:
        ValueError: if it cannot be made.
    """
    try:
        tf.io.gfile.makedirs(folder)
    except tf.errors.OpError as error:
        raise ValueError(
            f"{folder}: cannot be made: {error.message}. Name another place."
        ) from error


@contextlib.contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Locks an output for the time of a block; its folder is made."""
    make_folder(str(output.parent))
    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context(locked(output.with_name(f".{output.name}.lock")))
        except FolderHeldError as error:
            raise FolderHeldError(
                f"{output} is being written by {error}. Wait for it, or name another "
                "place."
            ) from error
        stack.callback(lock.remove_file)
        yield


def _remove(folder: str) -> None:
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)


def _check_output(output: str) -> None:
    """Refuses a location that is taken, or that no graph can be read from."""
    if wild := sorted(set("[]*?") & set(output)):
        raise ValueError(
            f"{output} has `{wild[0]}` in it, which TensorFlow takes for a pattern "
            "when it reads what is there. Name another place."
        )
    if tf.io.gfile.exists(output):
        raise OutputExistsError(
            f"{output} is there already. Remove it, or name another place."
        )
