"""Measures saving and restoring of a rival, whichever it is.

Imports nothing but the library: programs of all environments use it.
"""

import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.checkpoint import disk
from benchmarks.checkpoint.memory import AnonymousPeak, anonymous_bytes

_RESTORES = 2
_USUAL_STEPS = 5


def measured(
    folder: Path,
    saves: int,
    train: Callable[[], object],
    save: Callable[[Path], object],
    wait: Callable[[], object],
    restore: Callable[[Path], object],
) -> dict[str, Any]:
    """Saves again and again, restores the last, and returns what that took.

    Args:
        folder: where; it is made, and removed in the end.
        saves: how many to measure. One before them, which may have things to set up,
            is not measured but in its memory.
        train: a step, which changes some rows of every table.
        save: begins to save under a path. A rival may leave it to the step after it to
            copy what is still to be saved, so that this belongs to the pause.
        wait: waits until the save is complete, as the rival understands it.
        restore: reads what lies under a path.

    Returns:
        `saves`: of each the seconds of `pause_s` (the call, and the step after it,
        without what a step usually takes), until it was complete (`seconds`) and until
        its files were synced too (`synced_s`); `bytes` of one; `extra_bytes`, by which
        anonymous memory grew at most; `restores`: of each the seconds (`restore_s`),
        those of reading the same files (`read_s`), neither from the page cache, and
        what share of the bytes came from the disk (`from_disk`).
    """
    folder.mkdir(parents=True)
    train()
    before = anonymous_bytes()
    taken = []
    with AnonymousPeak() as peak:
        for number in range(saves + 1):
            place = folder / str(number)
            taken.append(_saved(place, train, save, wait))
            if number < saves:
                shutil.rmtree(place)
    size = disk.bytes_of(place)
    restores = [
        restored(place, lambda: restore(place / "saved")) for _ in range(_RESTORES)
    ]
    shutil.rmtree(folder)
    return {
        "saves": taken[1:],
        "bytes": size,
        "extra_bytes": peak.bytes - before,
        "restores": restores,
    }


def restored(place: Path, restore: Callable[[], object]) -> dict[str, float]:
    """Restores with a page cache that has forgotten the files.

    Args:
        place: folder of the files.
        restore: reads them.

    Returns:
        `restore_s`, `read_s` and `from_disk`, as of `measured`.
    """
    read_s = disk.read_s(place)
    disk.forget(place)
    before, start = disk.bytes_read(), time.perf_counter()
    restore()
    return {
        "restore_s": time.perf_counter() - start,
        "read_s": read_s,
        "from_disk": (disk.bytes_read() - before) / disk.bytes_of(place),
    }


def _saved(
    place: Path,
    train: Callable[[], object],
    save: Callable[[Path], object],
    wait: Callable[[], object],
) -> dict[str, float]:
    place.mkdir()
    usual_s = statistics.median(_seconds(train) for _ in range(_USUAL_STEPS))
    start = time.perf_counter()
    save(place / "saved")
    train()
    pause_s = time.perf_counter() - start - usual_s
    wait()
    seconds = time.perf_counter() - start
    disk.sync_s(place)
    return {
        "pause_s": max(pause_s, 0.0),
        "seconds": seconds,
        "synced_s": time.perf_counter() - start,
    }


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
