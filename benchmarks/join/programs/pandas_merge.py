"""Reads the same files with pandas and merges them, all in memory.

python -m benchmarks.join.programs.pandas_merge FOLDER
"""

import sys
from pathlib import Path

import pandas as pd

from benchmarks.join.workload import ITEMS, ROWS
from benchmarks.preprocess.program import measure


def merged(folder: Path) -> pd.DataFrame:
    """Returns all rows with the columns of their items."""
    rows, items = pd.read_csv(folder / ROWS), pd.read_csv(folder / ITEMS)
    return rows.merge(items, on="item", how="left", validate="many_to_one")


if __name__ == "__main__":
    measure(lambda: merged(Path(sys.argv[1])), versions=("pandas",))
