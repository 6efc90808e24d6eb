"""Tables and ids of the sections that have an engine of their own."""

import numpy as np

from benchmarks.engine.workload import Workload

# 2.05 GB of parameters and accumulators.
TABLES = Workload(tables=4, rows=1_000_000)
# Touched rows of ten steps are a small part of it, and of a thousand most.
TOUCHED = Workload(tables=4, rows=500_000, batch=1024)
_ZIPF = 1.2
_APART = 7919  # a prime; frequent rows are not neighbours


def fresh_batches(workload: Workload, count: int, seed: int = 0) -> list[np.ndarray]:
    """Returns ids of steps, no two alike: each int64 [tables, ids of a table].

    Frequency is as in `Workload`'s "zipf"; frequent rows are all over the table.
    """
    rng = np.random.default_rng(seed)
    shape = (workload.tables, workload.ids_per_table)
    return [
        rng.zipf(_ZIPF, shape) % workload.rows * _APART % workload.rows
        for _ in range(count)
    ]


def touched_rows(workload: Workload, batches: list[np.ndarray]) -> int:
    """Returns how many rows of all tables occur in batches."""
    touched = np.zeros((workload.tables, workload.rows), bool)
    for ids in batches:
        for table, own in enumerate(ids):
            touched[table, own] = True
    return int(touched.sum())
