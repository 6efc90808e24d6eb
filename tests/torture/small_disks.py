"""Small disks that a test can fill up: file systems in memory, or in a file.

Mounting takes the rights of root; where it is refused, tests are skipped.
"""

import dataclasses
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BYTES = 16 * 2**20
KINDS = ("ext4", "tmpfs")
_FILLER = "filler"


@dataclasses.dataclass(frozen=True)
class SmallDisk:
    """A mounted disk.

    Attributes:
        kind: one of `KINDS`.
        path: where it is mounted.
        device: what it is on; "none" in memory.
    """

    kind: str
    path: Path
    device: str

    @property
    def free_bytes(self) -> int:
        """What root may still write."""
        state = os.statvfs(self.path)
        return state.f_bfree * state.f_frsize

    def fill(self, free_bytes: int) -> None:
        """Leaves so many bytes free."""
        with (self.path / _FILLER).open("wb") as filler:
            size = 0
            for step in (2**20, 2**16, 2**12):
                while self.free_bytes - step >= free_bytes:
                    try:
                        os.posix_fallocate(filler.fileno(), size, step)
                    except OSError:
                        break  # what is free is not all for files
                    size += step

    def empty(self) -> None:
        """Takes away what filled it."""
        (self.path / _FILLER).unlink()

    def break_down(self) -> None:
        """Has the file system find an error, upon which it lets nobody write."""
        trigger = Path("/sys/fs/ext4", Path(self.device).name, "trigger_fs_error")
        trigger.write_text("1")

    def remount(self, options: str) -> None:
        """Mounts it with other options, such as "ro"."""
        _mount("-o", f"remount,{options}", str(self.path))


@contextmanager
def mounted(kind: str, folder: Path) -> Iterator[SmallDisk]:
    """Gives a new disk of one of `KINDS` for a while; skips the test if it cannot."""
    path = folder / "disk"
    path.mkdir()
    if kind == "tmpfs":
        _mount("-t", "tmpfs", "-o", f"size={BYTES}", "none", str(path))
    else:
        image = folder / "image"
        with image.open("wb") as file:
            file.truncate(BYTES)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
        _mount("-o", "loop,errors=remount-ro", str(image), str(path))
    try:
        yield SmallDisk(kind, path, _device_of(path))
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def _mount(*arguments: str) -> None:
    _run("mount", *arguments)


def _run(*command: str) -> None:
    """Runs a command of the system; skips the test if it is refused."""
    try:
        finished = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip(f"there is no {command[0]} on this machine")
    if finished.returncode:
        why = " ".join(finished.stderr.split())
        pytest.skip(f"this machine does not mount small disks here: {why}")


def _device_of(path: Path) -> str:
    for line in Path("/proc/mounts").read_text().splitlines():
        device, where, *_ = line.split(" ")
        if where == str(path):
            return device
    raise FileNotFoundError(f"{path} is not mounted.")
