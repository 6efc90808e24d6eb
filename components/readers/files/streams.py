"""The bytes of a file, gzip undone, with damage told as a FileFault."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from zipfile import BadZipFile

from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.components.readers.files.locations import opened

_BUFFER_BYTES = 1 << 20
# Little at a time: what comes before damage, in the same step, is lost.
_STEP_BYTES = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS


@contextmanager
def byte_stream(file: str) -> Iterator[io.BufferedReader]:
    """Opens a file, and undoes gzip if its name ends in `.gz`.

    Reads raise FileFault for what the file or its gzip is damaged in; gzip tells the
    bytes before the damage apart from it, but for those whose checksum comes last.

    Args:
        file: as `match` gives it.
    """
    with file_faults(), opened(file) as source:
        if file.endswith(".gz"):
            yield io.BufferedReader(_Inflating(source), _BUFFER_BYTES)
        else:
            yield io.BufferedReader(_Plain(source), _BUFFER_BYTES)


@contextmanager
def file_faults() -> Iterator[None]:
    """Makes a FileFault of what the operating system or a zip archive refuses.

    Raises:
        FileFault: a file could not be opened or read.
    """
    try:
        yield
    except (OSError, BadZipFile, zlib.error) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise FileFault(
            f"cannot be read: {words}. Make it a file that this process may read."
        ) from error


class _Plain(io.RawIOBase):
    def __init__(self, source: IO[bytes]) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with file_faults():
            data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Inflating(io.RawIOBase):
    """Undoes gzip of one or several members."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._waiting = b""
        self._inflater: Any = None
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        limit = min(len(buffer), _STEP_BYTES)
        data = b""
        while not data:
            if not self._waiting:
                with file_faults():
                    self._waiting = self._source.read(_STEP_BYTES)
            if not self._waiting:
                return self._end()
            data = self._inflated(limit)
        buffer[: len(data)] = data
        self._given += len(data)
        return len(data)

    def _inflated(self, limit: int) -> bytes:
        if self._inflater is None:
            self._inflater = zlib.decompressobj(_GZIP)
        try:
            data: bytes = self._inflater.decompress(self._waiting, limit)
        except zlib.error as error:
            raise FileFault(self._damage()) from error
        self._waiting = self._inflater.unconsumed_tail
        if self._inflater.eof:
            # Zeros may fill up a block of a tape or disk.
            self._waiting = self._inflater.unused_data.lstrip(b"\0")
            self._inflater = None
        return data

    def _damage(self) -> str:
        if not self._given:
            return (
                "is not a gzip, as its name says. Write it again, or name it without "
                "`.gz`."
            )
        return (
            f"its gzip is damaged after {self._given:,} bytes of content. Write it "
            "again."
        )

    def _end(self) -> int:
        if self._inflater is not None:
            raise FileFault(
                f"its gzip is cut off after {self._given:,} bytes of content. Copy or "
                "write it again."
            )
        return 0
