"""What `recorder.c` recorded, as changes of names and of the bytes of files.

Files and folders are numbered, as inodes are: a name in a folder leads to one. Number 0
is the recorded folder.
"""

import dataclasses
from pathlib import Path
from typing import Any

ROOT = 0


@dataclasses.dataclass(frozen=True)
class Names:
    """A change of names in one folder, which happens whole or not at all.

    Attributes:
        at: its place in the log.
        node: number of the folder.
        names: what each name leads to then; None for nothing.
    """

    at: int
    node: int
    names: dict[str, int | None]


@dataclasses.dataclass(frozen=True)
class Data:
    """A change of the bytes of one file, or of its size alone.

    Attributes:
        at: its place in the log.
        node: number of the file.
        offset: where bytes are written.
        written: the bytes.
        size: the new size of a file that is cut or extended; None for a write.
    """

    at: int
    node: int
    offset: int
    written: bytes
    size: int | None = None

    def applied(self, content: bytes) -> bytes:
        """Returns what the file holds after it."""
        if self.size is not None:
            return content[: self.size].ljust(self.size, b"\0")
        end = self.offset + len(self.written)
        before = content[: self.offset].ljust(self.offset, b"\0")
        return before + self.written + content[end:]


@dataclasses.dataclass(frozen=True)
class Sync:
    """What was changed of one file or folder is durable from here on."""

    at: int
    node: int


@dataclasses.dataclass(frozen=True)
class Note:
    """A line of the recorded program itself."""

    at: int
    text: str


Operation = Names | Data | Sync | Note


@dataclasses.dataclass(frozen=True)
class Log:
    """All that happened below a folder.

    Attributes:
        operations: in their order.
        folders: the numbers of folders.
    """

    operations: list[Operation]
    folders: frozenset[int]


def read_log(path: Path) -> Log:
    """Returns what a log holds.

    Raises:
        ValueError: on a rename from one folder to another, which nothing here does.
    """
    reader = _Reader()
    with path.open("rb") as log:
        while line := log.readline():
            name, *numbers, text = line.decode().rstrip("\n").split(" ", 4)
            a, b, c = map(int, numbers)
            payload = log.read(c) if name == "write" else b""
            getattr(reader, f"on_{name}")(a, b, c, text, payload)
    return Log(reader.operations, frozenset(reader.names))


class _Reader:
    """Follows names, sizes and open files while the log is read."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        # What the names in each folder lead to.
        self.names: dict[int, dict[str, int]] = {ROOT: {}}
        self._sizes: dict[int, int] = {ROOT: 0}
        self._open: dict[int, tuple[int, bool]] = {}

    def on_open(self, fd: int, truncates: int, syncs: int, path: str, _: bytes) -> None:
        node = self._node(path)
        if node is None:
            node = self._new(path)
        elif truncates and self._sizes[node]:
            self._resize(node, 0)
        self._open[fd] = node, bool(syncs)

    def on_close(self, fd: int, *_: Any) -> None:
        del self._open[fd]

    def on_write(self, fd: int, at: int, size: int, _: str, written: bytes) -> None:
        node, syncs = self._open[fd]
        self._add(Data, node, at, written)
        self._sizes[node] = max(self._sizes[node], at + size)
        if syncs:
            self._add(Sync, node)

    def on_truncate(self, fd: int, size: int, *_: Any) -> None:
        self._resize(self._open[fd][0], size)

    def on_extend(self, fd: int, size: int, *_: Any) -> None:
        node = self._open[fd][0]
        if size > self._sizes[node]:
            self._resize(node, size)

    def on_sync(self, fd: int, *_: Any) -> None:
        self._add(Sync, self._open[fd][0])

    def on_mkdir(self, a: int, b: int, c: int, path: str, _: bytes) -> None:
        self.names[self._new(path)] = {}

    def on_unlink(self, a: int, b: int, c: int, path: str, _: bytes) -> None:
        folder, name = self._place(path)
        self._change(folder, {name: None})

    on_rmdir = on_unlink

    def on_rename(self, a: int, b: int, c: int, paths: str, _: bytes) -> None:
        (source, old), (target, new) = map(self._place, paths.split("\t"))
        if source != target:
            raise ValueError(f"Renamed from one folder to another: {paths}.")
        self._change(source, {old: None, new: self.names[source][old]})

    def on_note(self, a: int, b: int, c: int, text: str, _: bytes) -> None:
        self._add(Note, text)

    def _add(self, kind: Any, *values: Any) -> None:
        self.operations.append(kind(len(self.operations), *values))

    def _place(self, path: str) -> tuple[int, str]:
        """Returns the number of the folder of a path, and the name in it."""
        *parents, name = path.split("/")
        folder = ROOT
        for parent in parents:
            folder = self.names[folder][parent]
        return folder, name

    def _node(self, path: str) -> int | None:
        if path == ".":
            return ROOT
        folder, name = self._place(path)
        return self.names[folder].get(name)

    def _new(self, path: str) -> int:
        folder, name = self._place(path)
        node = len(self._sizes)
        self._sizes[node] = 0
        self._change(folder, {name: node})
        return node

    def _change(self, folder: int, names: dict[str, int | None]) -> None:
        self._add(Names, folder, names)
        for name, node in names.items():
            self.names[folder].pop(name, None)
            if node is not None:
                self.names[folder][name] = node

    def _resize(self, node: int, size: int) -> None:
        self._add(Data, node, 0, b"", size)
        self._sizes[node] = size
