"""Vocabulary files: a line of an erased token becomes that of a free row."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from shardline.components.contracts.living_vocabulary import FREE_LINE, free_line
from shardline.components.eraser.swap import replace

_FREE = FREE_LINE.encode()


class FreedRows(NamedTuple):
    """Rows of a table that have no token.

    Attributes:
        erased: those whose token was erased just now.
        free: those and all that were free before.
    """

    erased: list[int]
    free: list[int]


def free_lines(path: Path, is_erased: Callable[[bytes], bool]) -> FreedRows:
    """Takes tokens out of a vocabulary's file, whose other lines stay where they are.

    Args:
        path: the file, in a copy of its folder.
        is_erased: tells erased tokens.
    """
    lines = path.read_bytes().split(b"\n")
    freed = _freed(lines, is_erased)
    for row in freed.erased:
        lines[row] = free_line(row).encode()
    if freed.erased:
        replace(path, b"\n".join(lines))
    return freed


def freed_rows(path: Path, is_erased: Callable[[bytes], bool]) -> FreedRows:
    """Returns what `free_lines` would, and changes nothing."""
    return _freed(path.read_bytes().split(b"\n"), is_erased)


def _freed(lines: list[bytes], is_erased: Callable[[bytes], bool]) -> FreedRows:
    erased, free = [], []
    for row, line in enumerate(lines):
        if line.startswith(_FREE):
            free.append(row)
        elif line and is_erased(line):
            erased.append(row)
    return FreedRows(erased, sorted(erased + free))
