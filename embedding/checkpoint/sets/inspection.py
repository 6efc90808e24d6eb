"""What the tables of a set hold, in a few numbers for each tensor."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np

from shardline.embedding.checkpoint.sets.folder import CheckpointSet
from shardline.embedding.checkpoint.sets.table_reader import PARAMETERS, TableReader


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


def tensors_of(newest: CheckpointSet) -> list[tuple[str, str]]:
    """Returns (table, tensor) of all that a set holds of tables."""
    return [
        (name, tensor)
        for name, table in sorted(newest.manifest.tables.items())
        for tensor in (PARAMETERS, *table.slots)
    ]


def summaries(chain: Sequence[CheckpointSet]) -> Iterator[TensorSummary]:
    """Yields what each tensor holds, reading a block at a time.

    Args:
        chain: the sets that make up the newest of them, a full one first.

    Raises:
        ValueError: if a file is shorter than its index says.
    """
    for table, tensor in tensors_of(chain[-1]):
        yield _summary(TableReader(chain, table, tensor), table, tensor)


def _summary(reader: TableReader, table: str, tensor: str) -> TensorSummary:
    squares, least, greatest = 0.0, math.inf, -math.inf
    nans = infinities = 0
    for _, rows in reader.blocks():
        finite = np.isfinite(rows)
        if not finite.all():
            nans += int(np.isnan(rows).sum())
            infinities += int(np.isinf(rows).sum())
            rows = rows[finite]
        if rows.size:
            least = min(least, float(rows.min()))
            greatest = max(greatest, float(rows.max()))
            squares += float(np.square(rows, dtype=np.float64).sum())
    found = least <= greatest
    return TensorSummary(
        table,
        tensor,
        reader.rows,
        reader.dim,
        math.sqrt(squares),
        least if found else None,
        greatest if found else None,
        nans,
        infinities,
    )
