"""Which version is served: follows a serving folder, and swaps what is in memory.

The largest version that loads is served. A version is a folder with a number for a
name and a graph file, and does not change once it is there. Requests that began
with a version end with it; its memory is given back after the last.
"""

import asyncio
import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from shardline.components.contracts.model_folder import GRAPH_FILE, version_of
from shardline.components.server.memory import return_unused
from shardline.components.server.metrics import Metrics
from shardline.components.server.model import LoadedVersion, VersionError
from shardline.components.server.request_error import RequestError, Status, quoted

_log = logging.getLogger(__name__)
_FIRST_RETRY_S = 10.0
_LONGEST_RETRY_S = 600.0


@dataclasses.dataclass(frozen=True)
class VersionState:
    """What became of a version.

    Attributes:
        version: its number.
        state: as TensorFlow Serving says it: LOADING, AVAILABLE, UNLOADING or END.
        error: why it is not served.
    """

    version: int
    state: str
    error: str = ""


@dataclasses.dataclass(frozen=True)
class _Failure:
    """When a version that does not load is tried again.

    Attributes:
        stamp: the stamp of its model file; another one is tried at once.
    """

    error: str
    stamp: tuple[int, ...]
    wait_s: float
    retry_at_s: float


class Versions:
    """The versions of one model.

    Attributes:
        current: the one that is served, once there is one.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        load: Callable[[Path, int], LoadedVersion],
        metrics: Metrics,
    ):
        """Looks at nothing yet.

        Args:
            folder: the serving folder.
            name: what requests call the model.
            load: makes a version ready to be asked, from its folder and number; called
                in a thread, raises VersionError.
            metrics: counts loads and failures.
        """
        self.current: LoadedVersion | None = None
        self._folder = folder
        self._name = name
        self._load = load
        self._metrics = metrics
        self._failures: dict[int, _Failure] = {}
        self._loading: int | None = None
        self._users: dict[LoadedVersion, int] = {}
        self._closing: dict[asyncio.Task[None], LoadedVersion] = {}

    @property
    def is_loading(self) -> bool:
        """Whether a thread is loading a version, even one that nobody waits for."""
        return self._loading is not None

    async def watch(self, every_s: float) -> None:
        """Follows the folder until it is cancelled."""
        while True:
            try:
                await self.follow()
            except OSError as error:
                _log.error("%s cannot be read: %s", self._folder, error)
            await asyncio.sleep(every_s)

    async def follow(self) -> None:
        """Looks at the folder once, and serves the largest version that loads."""
        found = await asyncio.to_thread(versions_in, self._folder)
        self._failures = {v: f for v, f in self._failures.items() if v in found}
        for version in sorted(found, reverse=True):
            if self.current is not None and version == self.current.version:
                return
            if self._is_due(version, found[version]):
                if await self._loaded(version, found[version]):
                    return

    @contextlib.contextmanager
    def use(self, name: str, version: int | None) -> Iterator[LoadedVersion]:
        """Gives the version that a request asks for, and keeps it as long as needed.

        Args:
            name: the name of the model.
            version: None is the one that is served.

        Raises:
            RequestError: if it is not the one that is served.
        """
        model = self._asked(name, version)
        self._users[model] += 1
        try:
            yield model
        finally:
            self._users[model] -= 1
            self._close_unused(model)

    def check_name(self, name: str) -> None:
        """Compares a model's name with the served one's.

        Args:
            name: as a request gives it.

        Raises:
            RequestError: if it is another.
        """
        if name != self._name:
            raise RequestError(
                Status.NOT_FOUND,
                f"There is no model {quoted(name)}; this server has {self._name!r}.",
            )

    def states(self) -> list[VersionState]:
        """Returns what became of each version, the largest first."""
        states = [
            VersionState(version, "END", failure.error)
            for version, failure in self._failures.items()
        ]
        states += [
            VersionState(
                model.version, "AVAILABLE" if model is self.current else "UNLOADING"
            )
            for model in self._users
        ]
        if self._loading is not None:
            states = [state for state in states if state.version != self._loading]
            states.append(VersionState(self._loading, "LOADING"))
        return sorted(states, key=lambda state: -state.version)

    async def close(self) -> None:
        """Ends what still runs, and gives all memory back."""
        retired, self.current = self.current, None
        if retired is not None:
            self._close_unused(retired)
        for model in (*self._users, *self._closing.values()):
            model.interrupt()
        await asyncio.gather(*self._closing)

    def _asked(self, name: str, version: int | None) -> LoadedVersion:
        self.check_name(name)
        current = self.current
        if current is None:
            raise RequestError(
                Status.UNAVAILABLE, f"No version of {self._name!r} is loaded yet."
            )
        if version not in (None, current.version):
            raise RequestError(
                Status.NOT_FOUND,
                f"Version {version} of {self._name!r} is not loaded; version "
                f"{current.version} is.",
            )
        return current

    def _is_due(self, version: int, stamp: tuple[int, ...]) -> bool:
        failure = self._failures.get(version)
        return (
            failure is None
            or failure.stamp != stamp
            or time.monotonic() >= failure.retry_at_s
        )

    async def _loaded(self, version: int, stamp: tuple[int, ...]) -> bool:
        """Loads a version and swaps to it; returns whether that went well."""
        self._loading = version  # and still is if this is cancelled: the thread goes on
        started_s = time.monotonic()
        try:
            model = await asyncio.to_thread(
                self._load, self._folder / str(version), version
            )
        except Exception as error:
            self._loading = None
            is_known = isinstance(error, VersionError)
            words = f"{error}" if is_known else f"Version {version}: {error!r}"
            self._failed(version, stamp, words)
            return False
        self._loading = None
        self._failures.pop(version, None)
        seconds = time.monotonic() - started_s
        self._metrics.loads.inc()
        self._metrics.load_seconds.set(seconds)
        self._swap(model)
        _log.info("Serving version %d, loaded in %.1f s", version, seconds)
        return True

    def _failed(self, version: int, stamp: tuple[int, ...], error: str) -> None:
        before = self._failures.get(version)
        is_again = before is not None and before.stamp == stamp
        wait_s = (
            min(2 * before.wait_s, _LONGEST_RETRY_S)
            if before is not None and is_again
            else _FIRST_RETRY_S
        )
        self._failures[version] = _Failure(
            error, stamp, wait_s, time.monotonic() + wait_s
        )
        self._metrics.load_failures.inc()
        _log.error("%s It is tried again in %.0f s.", error, wait_s)

    def _swap(self, model: LoadedVersion) -> None:
        retired, self.current = self.current, model
        self._users[model] = 0
        self._metrics.version.set(model.version)
        if retired is not None:
            self._close_unused(retired)

    def _close_unused(self, model: LoadedVersion) -> None:
        if model is self.current or self._users.get(model) != 0:
            return
        del self._users[model]
        task = asyncio.create_task(asyncio.to_thread(_close, model))
        self._closing[task] = model
        task.add_done_callback(self._closing.pop)


def versions_in(folder: Path) -> dict[int, tuple[int, ...]]:
    """Returns the versions in a serving folder, each with a stamp of its model file.

    Args:
        folder: the serving folder.
    """
    return dict(_stamps(folder))


def _stamps(folder: Path) -> Iterator[tuple[int, tuple[int, ...]]]:
    for name in os.listdir(folder):
        version = version_of(name)
        if version is not None:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                status = os.stat(folder / name / GRAPH_FILE)
                yield version, (status.st_ino, status.st_size, status.st_mtime_ns)


def _close(model: LoadedVersion) -> None:
    model.close()
    return_unused()
    _log.info("Version %d is no longer in memory", model.version)
