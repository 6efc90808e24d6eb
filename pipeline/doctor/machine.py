"""Reads what `diagnosis` judges of a machine: its software, processor, memory, disk.

Everything is read once, into a `Machine`; whether a value is good or bad is decided in
`diagnosis`. A value that cannot be read is empty and raises nothing, because the
machine may be broken: that is when the doctor is called.
"""

import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from shardline.components.machine.cores import usable_cores
from shardline.pipeline.doctor.installation import (
    Imports,
    installed_packages,
    required_packages,
    try_imports,
)

LOCK = Path(__file__).parents[2] / "requirements.lock"


@dataclass(frozen=True)
class Machine:
    """A machine and what is installed on it, as they were when they were read.

    Attributes:
        python: version of the running interpreter.
        glibc: its version, such as `2.36`; empty where there is none.
        required: the packages asked for; None when nothing says which.
        installed: version of every installed package, by canonical name.
        compiler: name and version of the C++ compiler; empty when there is none.
        folder: the working folder.
        free_bytes: free disk space in it.
        database_fault: why it can hold no SQLite database; empty when it can.
        meminfo: text of the kernel's memory report; empty when there is none.
        cpuinfo: text of the kernel's processor report; empty when there is none.
        cores: processor cores this process may use.
        imports: how importing TensorFlow and TFX ended.
    """

    python: tuple[int, int, int]
    glibc: str
    required: tuple[Requirement, ...] | None
    installed: Mapping[str, str]
    compiler: str
    folder: Path
    free_bytes: int
    database_fault: str
    meminfo: str
    cpuinfo: str
    cores: int
    imports: Imports


def read_machine(folder: Path) -> Machine:
    """Reads everything; takes as long as importing TFX, 15 to 60 seconds.

    Args:
        folder: the working folder, whose disk counts.
    """
    return Machine(
        python=sys.version_info[:3],
        glibc=platform.libc_ver()[1],
        required=required_packages(LOCK),
        installed=installed_packages(),
        compiler=find_compiler(),
        folder=folder,
        free_bytes=free_bytes(folder),
        database_fault=database_fault(folder),
        meminfo=_text_of(Path("/proc/meminfo")),
        cpuinfo=_text_of(Path("/proc/cpuinfo")),
        cores=usable_cores(),
        imports=try_imports(),
    )


def find_compiler(
    which: Callable[[str], str | None] = shutil.which,
    run: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run,
) -> str:
    """Returns name and version of the C++ compiler, or an empty string.

    Args:
        which: gives the path of a program, or None.
        run: runs a command.
    """
    path = which("g++") or which("c++")
    if path is None:
        return ""
    try:
        done = run([path, "--version"], capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if done.returncode != 0:
        return ""
    return done.stdout.decode(errors="replace").partition("\n")[0]


def free_bytes(folder: Path) -> int:
    """Returns the free bytes of the disk that a folder is on, or would be made on."""
    existing = (path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(next(existing)).free


def database_fault(folder: Path) -> str:
    """Returns why a folder can hold no SQLite database, or an empty string.

    Args:
        folder: the folder to make one in, which is removed again.
    """
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".doctor-") as scratch:
            database = sqlite3.connect(Path(scratch) / "metadata.sqlite")
            try:
                with database:
                    database.execute("CREATE TABLE trial (id INTEGER)")
            finally:
                database.close()
    except (OSError, sqlite3.Error) as error:
        return str(error)
    return ""


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
