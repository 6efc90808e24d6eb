"""Looks for ids in all files of a folder, whatever is in them.

Files are opened: gzip and what is in it, zip archives (and so npz and wheels), Parquet
and Arrow, SQLite. In all others, such as TFRecords, event files and SavedModels, text
stands as it is.
"""

import base64
import gzip
import os
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from shardline.components.eraser.messages import (
    RECORD_HEAD_BYTES,
    length_of_record,
    records,
    strings_in,
)
from shardline.components.eraser.text import Finder

_BLOCK_BYTES = 8 * 2**20
_GZIP, _ZIP, _PARQUET, _ARROW = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"ARROW1"
_SQLITE = b"SQLite format 3\0"
_LEFT_AND_RIGHT = 4
# How TFX stores structured values in ML Metadata.
_STRUCT = re.compile(rb"mlmd-struct::([A-Za-z0-9+/=]+)")


def files_with(root: Path, ids: Collection[bytes]) -> list[str]:
    """Returns the files that hold an id, below a folder, and where in them.

    Args:
        root: the folder; links to folders are not followed.
        ids: distinctive ones.
    """
    if not ids:
        return []
    search, found = _Search(ids), []
    for parent, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_symlink():
                continue
            below = path.relative_to(root).as_posix()
            if search.is_in_text(below.encode()):
                found.append(f"{below}: in its name")
            if (where := search.of_file(path)) is not None:
                found.append(f"{below}{where}")
    return found


def holds_any(path: Path, ids: Collection[bytes]) -> bool:
    """Returns whether a file holds an id."""
    return bool(ids) and _Search(ids).of_file(path) is not None


class _Search:
    """Looks for ids in files."""

    def __init__(self, ids: Collection[bytes]):
        self._finder = Finder(ids)
        longest = max(map(len, ids))
        # JSON may write a byte as six.
        self._overlap = 6 * longest + _LEFT_AND_RIGHT

    def is_in_text(self, content: bytes) -> bool:
        return self._finder.is_in(content)

    def of_file(self, path: Path) -> str | None:
        """Returns where in a file an id is: "" if just in it; None if it is not."""
        try:
            with path.open("rb") as file:
                return self._of_stream(file, path)
        except FileNotFoundError:
            return None

    def _of_stream(self, file: IO[bytes], path: Path | None) -> str | None:
        head = file.read(16)
        file.seek(0)
        try:
            if head.startswith(_GZIP):
                with gzip.open(file) as opened:
                    return self._plain(opened)
            if head.startswith(_ZIP):
                return self._of_zip(file)
            if head.startswith(_PARQUET):
                return self._of_arrow(
                    pq.ParquetFile(file, pre_buffer=False).read(use_threads=False)
                )
            if head.startswith(_ARROW):
                return self._of_arrow(pa.ipc.open_file(file).read_all())
            if head.startswith(_SQLITE) and path is not None:
                return self._of_sqlite(path) or self._plain(file)
            if _is_arrow_stream(head):
                return self._of_arrow(pa.ipc.open_stream(file).read_all())
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, pa.ArrowException):
            file.seek(0)  # it only begins like one, or is damaged
        return self._plain(file)

    def _plain(self, file: IO[bytes] | gzip.GzipFile) -> str | None:
        head = file.read(RECORD_HEAD_BYTES)
        file.seek(0)
        if length_of_record(head) is not None:
            return "" if any(map(self._is_in_message, records(file))) else None
        kept = b""
        while block := file.read(_BLOCK_BYTES):
            block = kept + block
            if self._is_in_message(block) or self._is_in_struct(block):
                return ""
            kept = block[-self._overlap :]
        return None

    def _is_in_message(self, content: bytes) -> bool:
        """Looks at bytes, and at the strings in them if they are a protocol buffer.

        Within one, what follows an id at the end of a string may look like a letter.
        """
        if self._finder.is_in(content):
            return True
        return self._finder.may_be_in(content) and any(
            map(self._finder.is_in, strings_in(content))
        )

    def _is_in_struct(self, content: bytes) -> bool:
        for match in _STRUCT.finditer(content):
            padded = match[1].rstrip(b"=")
            padded += b"=" * (-len(padded) % 4)
            try:
                if self._finder.is_in(base64.b64decode(padded)):
                    return True
            except ValueError:
                continue
        return False

    def _of_zip(self, file: IO[bytes]) -> str | None:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if self.is_in_text(member.filename.encode()):
                    return f": {member.filename}"
                with archive.open(member) as opened:
                    if (where := self._of_stream(opened, None)) is not None:
                        return f": {member.filename}{where}"
        return None

    def _of_arrow(self, table: pa.Table) -> str | None:
        for name in table.column_names:
            if any(self.is_in_text(value) for value in _values(table.column(name))):
                return f": column {name}"
        return None

    def _of_sqlite(self, path: Path) -> str | None:
        for table, value in sqlite_texts(path):
            if self.is_in_text(value) or self._is_in_struct(value):
                return f": table {table}"
        return None


def sqlite_texts(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yields (table, text or bytes) of every cell of a SQLite file."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        connection.text_factory = bytes
        names = connection.execute("select name from sqlite_master where type='table'")
        for (name,) in names.fetchall():
            table = name.decode()
            for row in connection.execute(f'select * from "{table}"'):
                for cell in row:
                    if isinstance(cell, bytes):
                        yield table, cell
    connection.close()


def _values(column: pa.ChunkedArray) -> Iterator[bytes]:
    kind = column.type
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        column = pa.chunked_array([chunk.flatten() for chunk in column.chunks], None)
        kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if not (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    ):
        return
    for chunk in column.chunks:
        for value in chunk.to_pylist():
            if value is not None:
                yield value.encode() if isinstance(value, str) else value


def _is_arrow_stream(head: bytes) -> bool:
    return head.startswith(b"\xff\xff\xff\xff")
