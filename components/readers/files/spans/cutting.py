"""Cuts files into spans by a column of times, which alone is read for it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from shardline.components.machine.cores import usable_cores
from shardline.components.readers.files.columns.lists import listed
from shardline.components.readers.files.formats.readers import READERS
from shardline.components.readers.files.judging.bad_input import FileFault
from shardline.components.readers.files.judging.tally import Tally
from shardline.components.readers.files.raw_batch import ReadTask
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.components.readers.files.spans.times import (
    MICROSECONDS,
    TimeRule,
    row_times,
)
from shardline.configs.span_names import Every, span_at

_BATCH_ROWS = 1 << 16
_HOUR_US = 3_600 * MICROSECONDS  # all periods begin with an hour
_HASHES = 1 << 64


@dataclass(frozen=True)
class SpanSums:
    """What tells whether a span's examples have changed, as far as times do.

    Attributes:
        rows: how many there are.
        times: the sum of the hashes of their times, whatever their order.
    """

    rows: int = 0
    times: int = 0

    def plus(self, other: SpanSums) -> SpanSums:
        """Returns the sums of the examples of two files."""
        return SpanSums(self.rows + other.rows, (self.times + other.times) % _HASHES)

    @property
    def digest(self) -> str:
        """Returns the sums as text."""
        return f"{self.rows:x}-{self.times:016x}"


def spans_of_files(
    files: Sequence[str], settings: ReadSettings, column: str, every: Every
) -> Mapping[str, Mapping[str, SpanSums]]:
    """Returns the spans of each file.

    Rows and files that are bad are left out where that is allowed: whoever reads them
    counts them.

    Args:
        files: as `match` gives them.
        settings: how they are read.
        column: the column of times.
        every: how long spans are.

    Raises:
        BadInputError: a time is bad, or a file, and that is an error.
    """
    alone = dataclasses.replace(
        settings,
        columns={},
        paired=(),
        crossed=(),
        label=None,
        held_out={},
        joins=(),
        times=TimeRule(column),
    )
    scan = functools.partial(_spans_of_file, settings=alone, every=every)
    with ThreadPoolExecutor(usable_cores()) as pool:
        return dict(zip(files, pool.map(scan, files), strict=True))


def _spans_of_file(
    file: str, settings: ReadSettings, every: Every
) -> dict[str, SpanSums]:
    assert settings.times is not None
    column = settings.times.column
    bad = settings.new_bad_input()
    task = ReadTask(file, 0, 1, settings, bad, _BATCH_ROWS, Tally())
    sums: dict[str, SpanSums] = {}
    try:
        for raw in READERS[settings.format](task):
            times = row_times(settings.times, listed(raw.columns[column]), raw.faults)
            for name, of_span in _sums(times[raw.faults.good], every).items():
                sums[name] = sums.get(name, SpanSums()).plus(of_span)
    except FileFault as fault:
        bad.add_file(file, str(fault))
    return sums


def _sums(us: np.ndarray, every: Every) -> dict[str, SpanSums]:
    hours, places = np.unique(us // _HOUR_US, return_inverse=True)
    hashes = _hashes(us)
    sums: dict[str, SpanSums] = {}
    rows = np.bincount(places, minlength=len(hours))
    for place, hour in enumerate(hours.tolist()):
        of_hour = int(hashes[places == place].sum(dtype=np.uint64))
        name = _name(hour, every)
        added = SpanSums(int(rows[place]), of_hour)
        sums[name] = sums.get(name, SpanSums()).plus(added)
    return sums


@functools.lru_cache(1 << 16)
def _name(hour: int, every: Every) -> str:
    return span_at(hour * 3_600, every).name


def _hashes(us: np.ndarray) -> np.ndarray:
    """Returns a hash of each time, uint64 [n]: the finalizer of SplitMix64."""
    mixed = us.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
