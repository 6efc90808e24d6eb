"""Rows as a file has them, before they are converted to what the settings ask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from shardline.components.readers.files.judging.bad_input import BadInput, RowFaults
from shardline.components.readers.files.judging.tally import Tally
from shardline.components.readers.files.read_settings import ReadSettings
from shardline.configs.shown import shown

if TYPE_CHECKING:
    from shardline.components.readers.files.joins.joined_rows import JoinedRows


@dataclass(frozen=True)
class ReadTask:
    """One unit of work to read, and where its counts go.

    Attributes:
        file: the location to read.
        part: batches whose number has this remainder are decoded;
        parts: the parts by this number.
        settings: what is read.
        bad: where faults are counted.
        batch_rows: the most rows of a batch.
        tally: where the rows are counted that the file says it holds.
    """

    file: str
    part: int
    parts: int
    settings: ReadSettings
    bad: BadInput
    batch_rows: int
    tally: Tally

    def has(self, batch: int) -> bool:
        """Tells whether a batch, by its number in the file, is of this task."""
        return batch % self.parts == self.part

    def record_stored(self, rows: int) -> None:
        """Records how many rows the file itself says it holds."""
        self.tally.stored[self.file] = rows
        if not rows and not self.settings.empty_files:
            self.bad.add_empty(self.file)


@dataclass(frozen=True)
class RawBatch:
    """Rows of a file.

    Attributes:
        columns: one array for each wanted column: of single values, or lists of any
            depth; null is a missing value.
        faults: the rows that are known to be bad.
        text: columns whose numbers are still text.
        stored: columns that splits look at, as the file has them, where `columns` has
            them in another type.
        keys: columns that joins look up, as keys, where `columns` may have them as
            what a feature reads.
        header: the columns that the file names; none where every row names its own.
        names: gives the columns of the first row where every row names its own, and
            null is a column that a row has not; None where the file names them.
        row_texts: each whole row as `splits.row_texts` has it, large binary; None
            unless the settings draw rows.
        joined: columns of `columns` that side files gave.
    """

    columns: dict[str, pa.Array]
    faults: RowFaults
    text: Collection[str] = frozenset()
    stored: Mapping[str, pa.Array] = field(default_factory=dict)
    keys: Mapping[str, pa.Array] = field(default_factory=dict)
    header: Sequence[str] = ()
    names: Callable[[], list[str]] | None = None
    row_texts: pa.Array | None = None
    joined: Mapping[str, JoinedRows] = field(default_factory=dict)

    def faults_of(self, name: str) -> RowFaults:
        """Returns where bad values of a column are marked."""
        rows = self.joined.get(name)
        return self.faults.told_with(rows.told) if rows else self.faults


def mark_long(
    name: str, rows: np.ndarray, counts: np.ndarray, most: int, faults: RowFaults
) -> None:
    """Marks rows with too many values.

    Args:
        name: the column.
        rows: the rows that have them.
        counts: values of each row, int64 [rows of the batch].
        most: how many are allowed.
        faults: where they are marked.
    """
    faults.mark(
        rows,
        f"column `{shown(name)}` has more than {most:,} values",
        lambda row: f"it has {counts[row]:,}",
        "Shorten it, or raise `data.files.max_values`.",
    )
