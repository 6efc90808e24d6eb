"""What the disk can do with the same bytes, and files that the page cache forgets.

Imports nothing but the library: programs of all environments use it.
"""

import mmap
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

# What is fastest here; larger blocks are slower.
_BLOCK = 4 << 20


def write_s(path: Path, size: int) -> float:
    """Returns how long a sequential, synced write of so many bytes takes.

    Past the page cache where the file system allows it, else through it. The bytes are
    random ones, a block again and again; the file is removed.

    Args:
        path: a file that is not there, on the disk to be measured.
        size: in bytes; whole blocks are written, and the time is that of `size`.
    """
    block = _random_block()
    count = -(-size // _BLOCK)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    start = time.perf_counter()
    try:
        file = os.open(path, flags | os.O_DIRECT)
    except OSError:
        file = os.open(path, flags)
    try:
        for _ in range(count):
            os.write(file, block)
        os.fsync(file)
    finally:
        os.close(file)
    seconds = time.perf_counter() - start
    path.unlink()
    return seconds * size / (count * _BLOCK)


def read_s(folder: Path) -> float:
    """Returns how long it takes to read a folder's files, one after another.

    Once through a page cache that has forgotten them, and once past it: the time of
    what was faster.
    """
    forget(folder)
    return min(_read_s(files_of(folder), flags) for flags in (0, os.O_DIRECT))


def _read_s(paths: Iterable[Path], flags: int) -> float:
    block = mmap.mmap(-1, _BLOCK)
    start = time.perf_counter()
    for path in paths:
        try:
            number = os.open(path, os.O_RDONLY | flags)
        except OSError:
            number = os.open(path, os.O_RDONLY)
        with open(number, "rb", buffering=0) as file:
            os.posix_fadvise(number, 0, 0, os.POSIX_FADV_SEQUENTIAL)
            while file.readinto(block):
                pass
    return time.perf_counter() - start


def files_of(folder: Path) -> list[Path]:
    """Returns all files of a folder and of those in it."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def bytes_of(folder: Path) -> int:
    """Returns the size of all files of a folder and of those in it."""
    return sum(path.stat().st_size for path in files_of(folder))


def sync_s(folder: Path) -> float:
    """Makes all files of a folder durable; returns how long it took."""
    start = time.perf_counter()
    for path in [folder, *folder.rglob("*")]:
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.close(file)
    return time.perf_counter() - start


def forget(folder: Path) -> None:
    """Drops the files of a folder from the page cache, so that reads are the disk's."""
    sync_s(folder)
    for path in files_of(folder):
        file = os.open(path, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def bytes_read() -> int:
    """Returns how many bytes this process has had read from disks so far."""
    counts = Path("/proc/self/io").read_text()
    found = re.search(r"^read_bytes: (\d+)", counts, re.MULTILINE)
    return int(found[1]) if found else 0


def _random_block() -> mmap.mmap:
    """Returns a block at an address that O_DIRECT takes."""
    block = mmap.mmap(-1, _BLOCK)
    block.write(os.urandom(_BLOCK))
    return block
