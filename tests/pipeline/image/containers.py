"""Runs containers of an image as an engine does, with what Debian has: no daemon.

An image is built and unpacked by buildah. A container is a process that is alone in its
process, mount and network namespaces, with the image's files as its root, and of the
user, the variables, the folder and the command line that the image names. It reaches no
network but its own loopback.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TIME_LIMIT_S = 300
_DISK_BYTES = 24 << 30  # as a sparse file
# Makes the file system of a container, and becomes its first process. $1 has the files
# of the image; on $2, an empty folder, goes the container's own layer; $3 is `rw`, or
# `ro` if it can write to volumes only. Then come volumes as FROM:TO, and after `--` the
# command line.
_INSIDE = """
set -e
image=$1 layer=$2 access=$3 root=$2/root
shift 3
mount -t tmpfs tmpfs "$layer"
mkdir "$layer/upper" "$layer/work" "$root"
mount -t overlay -o "lowerdir=$image,upperdir=$layer/upper,workdir=$layer/work" \\
    overlay "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do
    mkdir -p "$root${1#*:}"
    mount --bind "${1%%:*}" "$root${1#*:}"
    shift
done
shift
mount -o "remount,$access" "$root"
ip link set lo up
exec "$@"
"""


class Store:
    """Images of one session, on a disk of their own that ends with them.

    The disk is a file without a journal. To remove 200,000 files of images one by one
    from a disk that tells the machine below of each takes longer than to build them.
    """

    def __init__(self, folder: Path):
        """Makes the disk, in a folder that is not there yet.

        Args:
            folder: where the disk is mounted, beside its file.

        Raises:
            OSError: if it cannot be mounted.
        """
        folder.mkdir()
        self._folder, self._disk = folder, folder.with_suffix(".disk")
        with self._disk.open("wb") as file:
            file.truncate(_DISK_BYTES)
        make = ["mkfs.ext4", "-q", "-O", "^has_journal", "-E", "nodiscard"]
        subprocess.run([*make, str(self._disk)], check=True)
        mount = ["mount", "-o", "loop,noatime", str(self._disk), str(folder)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            self._disk.unlink()
            raise OSError(done.stderr.strip())
        for name in ("tmp", "layer"):
            (folder / name).mkdir()
        lines = ["[storage]", 'driver = "overlay"']
        lines += [f'{key} = "{folder / key}"' for key in ("graphroot", "runroot")]
        (folder / "storage.conf").write_text("\n".join(lines))
        self.variables = {
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
            "TMPDIR": str(folder / "tmp"),
        }

    def buildah(self, *arguments: str) -> str:
        """Returns what buildah prints."""
        done = subprocess.run(
            ["buildah", *arguments],
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextlib.contextmanager
    def unpacked(self, name: str) -> Iterator["Image"]:
        """Gives an image whose files lie in a folder.

        Args:
            name: of an image that was built.
        """
        container = self.buildah("from", "--pull-never", name)
        try:
            told = json.loads(self.buildah("inspect", "--type", "container", container))
            root = Path(self.buildah("mount", container))
            yield Image(root, told["Docker"]["config"], self._folder / "layer")
        finally:
            self.buildah("rm", container)

    def remove(self) -> None:
        """Removes the disk with all that is on it."""
        self.buildah("umount", "--all")
        # buildah mounts the folder of overlays on itself.
        subprocess.run(["umount", "--recursive", str(self._folder)], check=True)
        self._disk.unlink()


@dataclass(frozen=True)
class Image:
    """An image, its files in a folder.

    Attributes:
        root: the folder.
        config: what it says of itself, as engines read it.
        layer: an empty folder, on which each container has its own layer.
    """

    root: Path
    config: Mapping[str, Any]
    layer: Path

    def run(
        self, *arguments: str, command: tuple[str, ...] | None = None, **told: Any
    ) -> subprocess.CompletedProcess[str]:
        """Runs a container to its end, within five minutes.

        Args:
            arguments: those of its entrypoint.
            command: what is run in the place of its entrypoint.
            told: as `started` takes it.
        """
        with self.started(*arguments, command=command, **told) as container:
            printed, _ = container.process.communicate(timeout=_TIME_LIMIT_S)
            return subprocess.CompletedProcess(
                container.process.args, container.process.returncode, printed
            )

    @contextlib.contextmanager
    def started(
        self,
        *arguments: str,
        command: tuple[str, ...] | None = None,
        volumes: Mapping[Path, str] | None = None,
        user: str = "",
        access: str = "rw",
    ) -> Iterator["Container"]:
        """Gives a container that runs, and ends it.

        Args:
            arguments: those of its entrypoint, in the place of the image's own.
            command: what is run in the place of its entrypoint and arguments.
            volumes: folders of this machine, and where the container has them.
            user: numbers of user and group, if they are not the image's.
            access: `ro` if it can write to volumes only.
        """
        entrypoint = command or self.config["Entrypoint"]
        told = arguments or (() if command else self.config["Cmd"])
        root = self.layer / "root"
        process = subprocess.Popen(
            [
                *("unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"),
                *("sh", "-c", _INSIDE, "sh", str(self.root), str(self.layer), access),
                *(f"{here}:{there}" for here, there in (volumes or {}).items()),
                *("--", "chroot", f"--userspec={user or self.config['User']}"),
                *("--groups=", str(root), *self.environment, *entrypoint, *told),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield Container(self, process)
        finally:
            process.kill()
            process.wait()

    @property
    def environment(self) -> tuple[str, ...]:
        """The command that gives the variables and the working folder of the image."""
        folder = self.config["WorkingDir"]
        return ("/usr/bin/env", "-i", f"--chdir={folder}", *self.config["Env"])


@dataclass(frozen=True)
class Container:
    """A running container.

    Attributes:
        image: its image.
        process: its parent, which ends with it and as it does.
    """

    image: Image
    process: subprocess.Popen[str]

    @property
    def first_process(self) -> int:
        """Number of the process that is the first one inside.

        Raises:
            OSError: if the container has ended.
        """
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children")
        while not (found := children.read_text()):
            if self.process.poll() is not None:
                raise OSError(f"The container ended with {self.process.returncode}.")
            time.sleep(0.01)
        return int(found)

    def execute(
        self, *command: str, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command inside, as its user.

        Args:
            command: the command line.
            given: to its standard input.
        """
        user, _, group = self.image.config["User"].partition(":")
        target = f"--target={self.first_process}"
        return subprocess.run(
            [
                *("nsenter", target, "--mount", "--pid", "--net", "--root"),
                *(f"--setuid={user}", f"--setgid={group}"),
                *(*self.image.environment, *command),
            ],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIME_LIMIT_S,
        )

    def check_health(self) -> bool:
        """Tells what the health check of the image says; False if it has ended."""
        kind, *command = self.image.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        try:
            return self.execute(*command).returncode == 0
        except OSError:
            return False

    def terminate(self) -> int:
        """Sends SIGTERM to its first process, and returns how it ended."""
        os.kill(self.first_process, signal.SIGTERM)
        return self.process.wait(_TIME_LIMIT_S)
