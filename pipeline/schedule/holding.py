"""The lock of a scheduler: one scheduler on one run folder."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from shardline.components.folders.lock import FolderHeldError, locked
from shardline.pipeline.run_folder import OutputError
from shardline.pipeline.schedule.folder import ScheduleFolder

# `schedule status` holds the lock too, for the blink of an eye.
_TRIES = 10
_BETWEEN_S = 0.1


class SchedulerHeldError(OutputError):
    """A run folder that another scheduler works in."""


@contextlib.contextmanager
def scheduler_lock(folder: ScheduleFolder, root: Path) -> Iterator[None]:
    """Holds what one scheduler of a run folder holds, for the time of a block.

    Args:
        folder: which is there.
        root: the run folder.

    Raises:
        SchedulerHeldError: if another scheduler holds it.
        LockError: if the file system has no locks.
    """
    with contextlib.ExitStack() as stack:
        for left in reversed(range(_TRIES)):
            try:
                stack.enter_context(locked(folder.lock_file))
                break
            except FolderHeldError as error:
                if not left:
                    raise SchedulerHeldError(
                        f"The run folder {root} has a scheduler: {error}. Stop it, or "
                        "choose another folder with --output-dir."
                    ) from error
                time.sleep(_BETWEEN_S)
        yield
