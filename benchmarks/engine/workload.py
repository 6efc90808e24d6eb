"""What an engine is given to do in one step: tables, ids, and how the ids are drawn.

Every engine looks the ids up pooled by sum, gets a gradient of `GRADIENT` for each
number of the activations, and makes one exact Adagrad update of each touched row.
"""

import dataclasses
import json

import numpy as np

GRADIENT = 0.01
LEARNING_RATE = 0.05
INITIAL_VALUE = 0.01  # of rows, where an engine does not insist on random ones
INITIAL_ACCUMULATOR = 0.1
BATCHES = 8  # drawn ahead; steps take them in turn
DRAWS = ("window", "spread", "uniform")  # of the growth section
MORE_IDS = (2, 4, 8)  # times the ids of its table
_ZIPF = 1.2
_WORKING_SET = 100_000


@dataclasses.dataclass(frozen=True)
class Workload:
    """Tables of one shape, each with one feature.

    Attributes:
        tables: number of tables.
        rows: rows of each table.
        dim: floats in a row.
        batch: examples in a step.
        ids_per_example: ids of each feature in each example.
        draw: how ids are drawn. "zipf": row k is k^1.2 times rarer than row 0, modulo
            the rows; "uniform": from the whole table; "spread": from 100,000 rows all
            over the table; "window": from 100,000 rows that are neighbours.
    """

    tables: int = 26
    rows: int = 100_000
    dim: int = 64
    batch: int = 4096
    ids_per_example: int = 5
    draw: str = "zipf"

    @classmethod
    def from_json(cls, text: str) -> "Workload":
        """Returns what `as_json` was called on."""
        return cls(**json.loads(text))

    def as_json(self) -> str:
        """Returns the workload as a program's argument."""
        return json.dumps(dataclasses.asdict(self))

    @property
    def ids_per_table(self) -> int:
        """Ids that each table gets in a step."""
        return self.batch * self.ids_per_example

    @property
    def table_bytes(self) -> int:
        """Bytes of all parameters and their accumulators."""
        return 2 * self.tables * self.rows * self.dim * 4

    def batches(self) -> list[np.ndarray]:
        """Returns the ids of some steps, each int64 [tables, ids of a table]."""
        rng = np.random.default_rng(20_240_607)
        shape = (self.tables, self.ids_per_table)
        if self.draw == "zipf":
            return [rng.zipf(_ZIPF, shape) % self.rows for _ in range(BATCHES)]
        working_set = self._working_set(rng)
        if working_set is None:
            return [rng.integers(self.rows, size=shape) for _ in range(BATCHES)]
        return [rng.choice(working_set, shape) for _ in range(BATCHES)]

    def row_splits(self) -> np.ndarray:
        """Returns int64 [batch + 1], where the ids of each example start."""
        return np.arange(self.batch + 1, dtype=np.int64) * self.ids_per_example

    def _working_set(self, rng: np.random.Generator) -> np.ndarray | None:
        """Returns the rows to draw from, None for all."""
        if self.draw == "uniform":
            return None
        size = min(self.rows, _WORKING_SET)
        if self.draw == "window":
            return (self.rows - size) // 2 + np.arange(size)
        # One row in each stretch of the table, not at equal distances: those would
        # share few of the cache's sets.
        stretch = self.rows // size
        return np.arange(size) * stretch + rng.integers(stretch, size=size)


HEADLINE = Workload()
WIDE = Workload(tables=8, rows=2_000_000, dim=32, ids_per_example=20)
