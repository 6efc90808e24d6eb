"""The life of a server: it listens, follows the serving folder, and drains."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import grpc
from aiohttp import web

from shardline.components.server.batching import Threads
from shardline.components.server.grpc_service import GrpcService
from shardline.components.server.metrics import Metrics
from shardline.components.server.model import LoadedVersion
from shardline.components.server.prediction import Predictions
from shardline.components.server.rest_service import RestService
from shardline.components.server.settings import Settings
from shardline.components.server.versions import Versions
from shardline.components.server.warmup import replay_warmup

_log = logging.getLogger(__name__)
# RPCs beside requests: of health and metadata, and those refused by --max-queue.
_SPARE_RPCS = 64
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class ServerError(RuntimeError):
    """A server that cannot start."""


class Server:
    """A model server.

    Attributes:
        grpc_port: where it listens once it is started.
        rest_port: the same for HTTP.
        metrics: what it counts.
        versions: what it serves.
    """

    def __init__(self, settings: Settings):
        """Needs a running event loop; opens nothing yet.

        Args:
            settings: all that can be set.
        """
        self.grpc_port = self.rest_port = 0
        self.metrics = Metrics()
        self._settings = settings
        self._threads = Threads(self.metrics.waiting)
        load = partial(_load, max_bytes=settings.max_request_bytes)
        self.versions = Versions(settings.folder, settings.name, load, self.metrics)
        predictions = Predictions(settings, self.versions, self._threads, self.metrics)
        self._is_draining = False
        self._grpc_service = GrpcService(
            predictions, self.versions, settings.max_request_bytes
        )
        rest = RestService(
            settings,
            predictions,
            self.versions,
            self.metrics,
            lambda: self.is_ready,
        )
        self._rest_runner = web.AppRunner(
            rest.application(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=settings.grace_s,
        )
        self._grpc_server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", settings.max_request_bytes),
                # Two servers at one port would share the requests between them.
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=settings.max_queue + _SPARE_RPCS,
        )
        self._watching: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether requests are to be sent here."""
        return self.versions.current is not None and not self._is_draining

    async def start(self) -> None:
        """Listens, and begins to follow the serving folder.

        Raises:
            ServerError: if a port or the address cannot be used.
        """
        self._grpc_service.add_to(self._grpc_server)
        await self._grpc_service.set_ready(False)
        host, port = self._settings.host, self._settings.grpc_port
        try:
            self.grpc_port = self._grpc_server.add_insecure_port(_address(host, port))
        except RuntimeError as error:
            raise ServerError(_no_port(host, port, "--grpc-port")) from error
        await self._grpc_server.start()
        await self._start_rest()
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Takes no more requests, and lets those that are there finish in time."""
        self._is_draining = True
        await self._grpc_service.set_ready(False)
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        refusing = asyncio.create_task(self._grpc_server.stop(self._settings.grace_s))
        self._grpc_service.end_watches()
        await asyncio.gather(self._rest_runner.cleanup(), refusing)
        await self.versions.close()
        self._threads.close()

    async def _start_rest(self) -> None:
        await self._rest_runner.setup()
        host, port = self._settings.host, self._settings.rest_port
        site = web.TCPSite(self._rest_runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise ServerError(_no_port(host, port, "--rest-port")) from error
        self.rest_port = self._rest_runner.addresses[0][1]

    async def _watch(self) -> None:
        """Follows the folder, and lets health checks pass once there is a version."""
        following = asyncio.create_task(self.versions.watch(self._settings.poll_s))
        try:
            while not self.is_ready:
                await asyncio.sleep(0.02)
            await self._grpc_service.set_ready(True)
            await following
        finally:
            following.cancel()


def run_server(settings: Settings, announce: Callable[[Server], None]) -> None:
    """Serves until a signal to stop; at a second one the process ends at once.

    Args:
        settings: all that can be set.
        announce: called once it listens.

    Raises:
        ServerError: if it cannot start.
    """
    if not settings.folder.is_dir():
        raise ServerError(
            f"There is no serving folder {settings.folder}. Run the pipeline first, or "
            "name a folder of published versions."
        )
    # What was imported stays; no collection of garbage needs to look at it.
    gc.freeze()
    asyncio.run(_run(settings, announce))


async def _run(settings: Settings, announce: Callable[[Server], None]) -> None:
    async with _until_signalled() as stop:
        server = Server(settings)
        try:
            await server.start()
            announce(server)
            await stop.wait()
            _log.info("Stopping: requests have %g s to finish", settings.grace_s)
        finally:
            await server.stop()
        if server.versions.is_loading:
            # Its thread would be waited for, and nothing interrupts it.
            logging.shutdown()
            os._exit(0)


@contextlib.asynccontextmanager
async def _until_signalled() -> AsyncIterator[asyncio.Event]:
    """Gives an event that the first signal to stop sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def signalled(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, signalled, number)
    try:
        yield stop
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def _load(folder: Path, version: int, *, max_bytes: int) -> LoadedVersion:
    model = LoadedVersion(folder, version)
    try:
        replay_warmup(model, folder, max_bytes)
    except Exception:
        model.close()
        raise
    return model


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _no_port(host: str, port: int, option: str) -> str:
    return (
        f"{_address(host, port)} cannot be listened at: the port is taken, or the "
        f"address is not of this machine. Choose others with {option} and --host."
    )
