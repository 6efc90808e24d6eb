"""How a metadata store is reached: one process at a time, whoever asks.

ML Metadata leaves the order of processes to SQLite. A call that finds the file written
to ends with an error then, or after up to five waits of two seconds on average; and
what two processes do to a new file at once is never tried again. So each call here
holds a lock of its own beside the file, `flock` on `<file>.lock`, for the milliseconds
that it takes. Calls that TFX makes go the same way. A program that does not know of
this lock may still be in the way, and the call is made again.
"""

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ml_metadata import errors
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration import metadata
from tfx.proto.orchestration import local_deployment_config_pb2

from shardline.components.folders.lock import lock_at_once

# How a metadata store is reached.
Connection: TypeAlias = mlmd.ConnectionConfig

_MOST_WAIT_S = 60.0
_FIRST_WAIT_S = 0.001
_LONGEST_WAIT_S = 0.1


class BusyStoreError(RuntimeError):
    """A metadata store that another process did not let go of."""


def sqlite_connection(file: Path | str) -> Connection:
    """Returns how to reach the metadata store in a SQLite file, made if need be."""
    return metadata.sqlite_metadata_connection_config(str(file))


def connection_of(
    deployment: local_deployment_config_pb2.LocalDeploymentConfig,
) -> Connection:
    """Returns how a compiled pipeline reaches its metadata store."""
    config = deployment.metadata_connection_config
    return getattr(config, config.WhichOneof("connection_config"))


def open_store(connection: Connection) -> MetadataStore:
    """Returns the metadata store as ML Metadata has it.

    Args:
        connection: how it is reached.

    Raises:
        BusyStoreError: if another process holds it for a minute; so does each call.
    """
    return _Store(connection)


def tfx_metadata(connection: Connection) -> metadata.Metadata:
    """Returns the metadata store as TFX's own parts take it; open it by `with`."""
    return _TfxMetadata(connection)


class _Store(MetadataStore):
    """A metadata store whose calls take turns with those of other processes."""

    def __init__(self, connection: Connection):
        self._file = connection.sqlite.filename_uri
        _again_while_aborted(lambda: self._open(connection))

    def _open(self, connection: Connection) -> None:
        with turn(self._file):
            super().__init__(connection)

    def _call(
        self, method_name: str, request: Any, response: Any, extra_options: Any = None
    ) -> None:
        """Makes a call, in turn; ML Metadata itself would wait for longer."""
        _again_while_aborted(lambda: self._call_method(method_name, request, response))

    def _call_method(self, method_name: str, request: Any, response: Any) -> None:
        with turn(self._file):
            super()._call_method(method_name, request, response)


class _TfxMetadata(metadata.Metadata):
    """The store as TFX has it, whose calls take turns as well."""

    def __enter__(self) -> "metadata.Metadata":
        self._store = open_store(self._connection_config)
        self._users += 1
        return self


@contextlib.contextmanager
def turn(file: str) -> Iterator[None]:
    """Holds the lock beside a file for the time of a block.

    It is opened each time: a process that was forked must not share it, and somebody
    may have removed it.

    Args:
        file: of the metadata store.

    Raises:
        BusyStoreError: if another process holds it for a minute.
    """
    path = Path(f"{file}.lock")
    tries = (lock_at_once(path) for _ in _waits(f"{path} is held"))
    descriptor = next(one for one in tries if one is not None)
    try:
        yield
    finally:
        os.close(descriptor)


def _again_while_aborted(call: Callable[[], None]) -> None:
    """Makes a call, and again while another program writes to the file."""
    for _ in _waits("the file is written to"):
        try:
            call()
            return
        except errors.AbortedError:
            continue
        except RuntimeError as error:  # of the opening, which has no kinds of errors
            if "aborted" not in str(error):
                raise


def _waits(why: str) -> Iterator[None]:
    """Yields, then again after waits that grow; for a minute at most."""
    deadline, longest_s = time.monotonic() + _MOST_WAIT_S, _FIRST_WAIT_S
    while time.monotonic() < deadline:
        yield
        time.sleep(random.uniform(0, longest_s))
        longest_s = min(2 * longest_s, _LONGEST_WAIT_S)
    raise BusyStoreError(
        f"The metadata store cannot be had: {why} by another process for "
        f"{_MOST_WAIT_S:.0f} s. See who has it open, such as by `fuser`, and stop it; "
        "then run the same command again."
    )
