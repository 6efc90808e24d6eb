"""Units of work: files, or parts of files, that are read at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shardline.components.readers.files.formats.parquet import row_groups
from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.components.readers.files.locations import size_of
from shardline.components.readers.files.read_settings import ReadSettings

_PART_BYTES = 32 << 20


@dataclass(frozen=True, order=True)
class Unit:
    """What one worker reads of a file: the batches numbered `part` modulo `parts`.

    Parts of a file read all of it, which is cheap, and decode their own batches, which
    is dear; of Parquet they read their own row groups.
    """

    file: str
    part: int = 0
    parts: int = 1


def units_of(files: Sequence[str], settings: ReadSettings, at_once: int) -> list[Unit]:
    """Returns units of work: a file each, or parts of large files if they are few.

    All units together hold every row once. A file that cannot be read is one unit,
    and fails when it is read.

    Args:
        files: as `match` gives them.
        settings: how they are read.
        at_once: how many shall be read at the same time.
    """
    most = at_once if len(files) < 2 * at_once else 1
    work = []
    for file in files:
        parts = _parts(file, settings, most)
        work += [Unit(file, part, parts) for part in range(parts)]
    return work


def _parts(file: str, settings: ReadSettings, most: int) -> int:
    if most == 1:
        return 1
    try:
        parts = min(most, size_of(file) // _PART_BYTES)
        if settings.format == "parquet" and parts > 1:
            parts = min(parts, row_groups(file))
    except (OSError, FileFault):
        return 1
    return max(1, parts)
