"""Reads the same files with Arrow on all cores and joins them, all in memory.

python -m benchmarks.join.programs.arrow_join FOLDER
"""

import sys
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from benchmarks.join.workload import ITEMS, ROWS
from benchmarks.preprocess.program import measure


def joined(folder: Path) -> pa.Table:
    """Returns all rows with the columns of their items, in any order."""
    rows, items = csv.read_csv(folder / ROWS), csv.read_csv(folder / ITEMS)
    return rows.join(items, keys="item", join_type="left outer")


if __name__ == "__main__":
    measure(lambda: joined(Path(sys.argv[1])), versions=("pyarrow",))
