"""`bucket://` for Beam: the rules of `../src/objects.h`, in Python."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from apache_beam.io.filesystem import (
    BeamIOError,
    CompressedFile,
    CompressionTypes,
    FileMetadata,
    FileSystem,
)

ROOT, LOG = "SHARDLINE_TEST_BUCKETS", "SHARDLINE_TEST_BUCKET_LOG"
_SCHEME = "bucket"
_PREFIX = f"{_SCHEME}://"


class BucketFileSystem(FileSystem):
    """The file system that Beam finds by its scheme."""

    @classmethod
    def scheme(cls) -> str:
        return _SCHEME

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join([basepath.rstrip("/"), *(path.strip("/") for path in paths)])

    def split(self, path: str) -> tuple[str, str]:
        head, _, tail = path.rpartition("/")
        return head, tail

    def mkdirs(self, path: str) -> None:
        pass  # a folder is there while an object is below it

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix: str) -> Iterator[FileMetadata]:
        bucket = _bucket(dir_or_prefix)
        _note("list", dir_or_prefix)
        for path in sorted(bucket.rglob("*")):
            uri = f"{_PREFIX}{bucket.name}/{path.relative_to(bucket).as_posix()}"
            with contextlib.suppress(FileNotFoundError):
                if uri.startswith(dir_or_prefix) and path.is_file():
                    facts = path.stat()
                    yield FileMetadata(uri, facts.st_size, facts.st_mtime)

    def create(
        self,
        path: str,
        mime_type: str = "",
        compression_type: str = CompressionTypes.AUTO,
    ) -> BinaryIO:
        return _compressed(_Upload(path), path, compression_type)

    def open(
        self,
        path: str,
        mime_type: str = "",
        compression_type: str = CompressionTypes.AUTO,
    ) -> BinaryIO:
        return _compressed(_object(path).open("rb"), path, compression_type)

    def copy(self, sources: Sequence[str], targets: Sequence[str]) -> None:
        for source, target in zip(sources, targets, strict=True):
            keys = self._below(source) if source.endswith("/") else [source]
            for uri in keys:
                with (
                    _object(uri).open("rb") as old,
                    _Upload(uri.replace(source, target, 1)) as new,
                ):
                    shutil.copyfileobj(old, new)

    def rename(self, sources: Sequence[str], targets: Sequence[str]) -> None:
        self.copy(sources, targets)
        self.delete(sources)

    def exists(self, path: str) -> bool:
        # As that of stores: only an object, never a folder.
        return (_bucket(path) / _key(path)).is_file()

    def size(self, path: str) -> int:
        return _object(path).stat().st_size

    def last_updated(self, path: str) -> float:
        return _object(path).stat().st_mtime

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, self.size(path), self.last_updated(path))

    def delete(self, paths: Sequence[str]) -> None:
        for path in paths:
            if path.endswith("/"):
                uris = self._below(path)
            else:
                uris = [found.path for found in self.match([path])[0].metadata_list]
            for uri in uris:
                _delete(uri)

    def _below(self, path: str) -> list[str]:
        return [found.path for found in self._list(path)]


class _Upload:
    """An object that is not there before it is closed."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        folder = _root() / ".uploads"
        folder.mkdir(exist_ok=True)
        self._upload = folder / uuid.uuid4().hex
        self._file = self._upload.open("wb")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_Upload":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._file.closed:
            return
        self._file.close()
        target = _bucket(self._uri, writes=True) / _key(self._uri)
        for _ in range(1000):
            target.parent.mkdir(parents=True, exist_ok=True)
            # Who deletes the last object beside it removes the folder, too.
            with contextlib.suppress(FileNotFoundError):
                self._upload.rename(target)
                _note("write", self._uri)
                return
        raise BeamIOError(f"{self._uri}: cannot be written")


def _compressed(file: Any, path: str, compression_type: str) -> Any:
    if compression_type == CompressionTypes.AUTO:
        compression_type = CompressionTypes.detect_compression_type(path)
    if compression_type == CompressionTypes.UNCOMPRESSED:
        return file
    return CompressedFile(file, compression_type=compression_type)


def _root() -> Path:
    if not os.environ.get(ROOT):
        raise BeamIOError(f"No credentials: {ROOT} is not set.")
    return Path(os.environ[ROOT])


def _bucket(uri: str, writes: bool = False) -> Path:
    name = uri.removeprefix(_PREFIX).partition("/")[0]
    folder = _root() / name
    if folder.with_name(f"{name}.closed").exists():
        raise BeamIOError(f"{uri}: access to bucket {name} denied.")
    if not folder.is_dir() or not name:
        raise BeamIOError(f"{uri}: there is no bucket {name}.")
    if writes and folder.with_name(f"{name}.read-only").exists():
        raise BeamIOError(f"{uri}: may not write to bucket {name}.")
    return folder


def _key(uri: str) -> str:
    key = uri.removeprefix(_PREFIX).partition("/")[2].removesuffix("/")
    if {"", ".", ".."} & set(key.split("/")):
        raise BeamIOError(f"{uri}: a name in it is empty, `.` or `..`.")
    return key


def _object(uri: str) -> Path:
    path = _bucket(uri) / _key(uri)
    _note("read", uri)
    if not path.is_file():
        raise BeamIOError(f"{uri}: there is no such object.")
    return path


def _delete(uri: str) -> None:
    bucket = _bucket(uri, writes=True)
    path = bucket / _key(uri)
    _note("delete", uri)
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == bucket:
            return
        try:
            folder.rmdir()
        except OSError:  # not empty, or gone
            return


def _note(what: str, uri: str) -> None:
    if log := os.environ.get(LOG):
        with open(log, "a") as file:
            file.write(f"{what} {uri}\n")
