"""What the files of a cut hold, as arrays."""

import os
import threading
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np


def values(engine: Any) -> dict[tuple[str, str], np.ndarray]:
    """Returns all rows of every tensor, by table and tensor."""
    found = {}
    for config, sharded in engine.embedding_tables.items():
        found[config.name, "parameters"] = sharded
        for slot, variable in engine.slot_variables[config].items():
            found[config.name, slot] = variable
    return {
        key: np.concatenate([part.numpy() for part in sharded.variables])
        for key, sharded in found.items()
    }


def held(
    written: list[tuple[Path, list[Any]]], dims: dict[str, int]
) -> dict[tuple[str, str], np.ndarray]:
    """Returns every tensor of a cut, from each host's file and pieces."""
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    for path, pieces in written:
        content, offset = path.read_bytes(), 0
        for piece in pieces:
            assert piece.offset == offset
            offset += piece.bytes
            part = content[piece.offset : offset]
            plain = google_crc32c.value(part)
            masked = (plain >> 15 | plain << 17) + 0xA282EAD8 & 0xFFFFFFFF
            assert piece.masked_crc32c == masked
            if piece.tensor == "rows":
                array = np.frombuffer(part, np.int64)
            else:
                array = np.frombuffer(part, np.float32).reshape(-1, dims[piece.table])
            assert len(array) == piece.count
            found.setdefault((piece.table, piece.tensor), []).append(array)
        assert offset == len(content)
    return {key: np.concatenate(arrays) for key, arrays in found.items()}


def write(cut: Any, hosts: int, folder: Path) -> list[tuple[Path, list[Any]]]:
    """Writes a cut, host after host."""
    paths = [folder / f"host{host}" for host in range(hosts)]
    return [(path, cut.write(host, str(path))) for host, path in enumerate(paths)]


class HangingWrite:
    """A write to a file that does not open before `release`."""

    def __init__(self, cut: Any, host: int, folder: Path):
        """Starts it."""
        self._path = folder / "hangs"
        os.mkfifo(self._path)
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._write, args=(cut, host))
        self._thread.start()

    def _write(self, cut: Any, host: int) -> None:
        try:
            cut.write(host, str(self._path))
        except Exception as error:
            self.error = error

    def release(self) -> None:
        """Has it opened, which then fails, for what it opens is no disk."""
        assert self._thread.is_alive()
        with self._path.open("rb"):
            self._thread.join()
