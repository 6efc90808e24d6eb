"""Gives both images, built as docs/image.md says for where no registry is reached."""

import contextlib
import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

containers = load(Path(__file__).with_name("containers.py"))
ROOT = Path(__file__).parents[3]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
_PAGE = (ROOT / "docs" / "image.md").read_text()
_PROGRAMS = ("buildah", "debootstrap", "ip", "mkfs.ext4", "nsenter", "unshare")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def shown(target: str) -> list[str]:
    """Returns the command of the page that makes a target by buildah."""
    (line,) = re.findall(rf"^make {target} ENGINE=buildah.*$", _PAGE, re.MULTILINE)
    return shlex.split(line, comments=True)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Where images of this session are, with the base that they are built on."""
    if os.geteuid() != 0:
        pytest.skip("images are unpacked and run without an engine by root only")
    if absent := [name for name in _PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(absent)} of Debian's packages must be installed")
    try:
        made = containers.Store(tmp_path_factory.mktemp("images") / "store")
    except OSError as error:
        pytest.skip(f"images take a disk of their own, and none is mounted: {error}")
    try:
        # The files of the base are made once for all processes.
        (ROOT / "build").mkdir(exist_ok=True)
        with (ROOT / "build" / "image.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _make(made, "image-base")
        yield made
    finally:
        made.remove()


@pytest.fixture
def unpacked(store: Any) -> Iterator[Callable[[str, str], Any]]:
    """Makes a target, gives the image of a name, and removes it at the end."""
    with contextlib.ExitStack() as ends:

        def build(target: str, name: str) -> Any:
            _make(store, target)
            return ends.enter_context(store.unpacked(f"localhost/{name}:{VERSION}"))

        yield build


def _make(store: Any, target: str) -> None:
    """Makes a target with the certificates and the packages that this machine has."""
    uv = Path(sys.executable).with_name("uv")
    told = subprocess.run([uv, "cache", "dir"], stdout=subprocess.PIPE, check=True)
    cache = Path(told.stdout.decode().strip())
    cache.mkdir(parents=True, exist_ok=True)
    volumes = {_CERTIFICATES: f"{_CERTIFICATES}:ro", cache: "/root/.cache/uv"}
    flags = " ".join(f"--volume={here}:{there}" for here, there in volumes.items())
    done = subprocess.run(
        shown(target),
        cwd=ROOT,
        env={**os.environ, **store.variables, "IMAGE_FLAGS": flags},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
