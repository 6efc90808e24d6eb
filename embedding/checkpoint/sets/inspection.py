"""What the tables of a set hold, in a few numbers for each tensor."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np

from shardline.embedding.checkpoint.sets.chain import table_blocks
from shardline.embedding.checkpoint.sets.manifest import StoredTable
from shardline.embedding.checkpoint.sets.reader import SetReader, tensors_of


@dataclasses.dataclass(frozen=True)
class TensorSummary:
    """The parameters or a slot of a table, in a few numbers.

    Attributes:
        table: name of the table.
        tensor: "parameters", or the slot.
        rows: rows of the table.
        dim: length of a row.
        norm: the square root of the sum of squares, over finite values.
        least: the least finite value; None if there is none.
        greatest: the greatest finite value; None if there is none.
        nans: values that are not a number.
        infinities: values that are infinite.
    """

    table: str
    tensor: str
    rows: int
    dim: int
    norm: float
    least: float | None
    greatest: float | None
    nans: int
    infinities: int


def summaries(chain: Sequence[SetReader]) -> Iterator[TensorSummary]:
    """Yields what each tensor of the tables holds, reading a block at a time.

    Args:
        chain: readers of the sets that make up a set, a full one first.

    Raises:
        SetDamagedError: if a file is not what was written.
    """
    for table, stored in sorted(chain[-1].set.manifest.tables.items()):
        sums = {tensor: _Sums() for tensor in tensors_of(stored)}
        for block in table_blocks(chain, table):
            for tensor, rows in block.tensors.items():
                sums[tensor].add(rows)
        for tensor, of_tensor in sums.items():
            yield of_tensor.summary(table, tensor, stored)


@dataclasses.dataclass
class _Sums:
    """What is summed up over the blocks of a tensor."""

    squares: float = 0.0
    least: float = math.inf
    greatest: float = -math.inf
    nans: int = 0
    infinities: int = 0

    def add(self, rows: np.ndarray) -> None:
        finite = np.isfinite(rows)
        if not finite.all():
            nans = int(np.isnan(rows).sum())
            self.nans += nans
            self.infinities += int(rows.size - finite.sum()) - nans
            rows = rows[finite]
        if rows.size:
            self.least = min(self.least, float(rows.min()))
            self.greatest = max(self.greatest, float(rows.max()))
            self.squares += float(np.square(rows, dtype=np.float64).sum())

    def summary(self, table: str, tensor: str, stored: StoredTable) -> TensorSummary:
        is_any = self.least <= self.greatest
        return TensorSummary(
            table,
            tensor,
            stored.rows,
            stored.dim,
            norm=math.sqrt(self.squares),
            least=self.least if is_any else None,
            greatest=self.greatest if is_any else None,
            nans=self.nans,
            infinities=self.infinities,
        )
