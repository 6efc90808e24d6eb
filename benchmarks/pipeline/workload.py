"""What is run: rows of CSV from seeded random numbers, and their configuration.

Five features, one of which is a list of ten, and a number. Clicks follow from user and
item, so that there is something to learn and to evaluate.
"""

import hashlib
from pathlib import Path

import numpy as np

from benchmarks.engine.session import FOLDER

ROWS = 1_000_000
# Of them, for evaluation.
EVALUATED = 200_000
_DATA = FOLDER / "pipeline-data"
_USERS, _ITEMS, _CATEGORIES, _DEVICES, _HISTORY = 50_000, 20_000, 40, 5, 10
_COLUMNS = "user,item,category,device,history,price,click"
_CONFIG = """
name: bench_pipeline
data:
  path: {path}
  files: {{format: csv, splits: {{train: train.csv, eval: eval.csv}}}}
  label: click
features:
  user: {{table: user}}
  item: {{table: item}}
  category: {{table: category}}
  device: {{table: device, dtype: int64, ids: {{range: 5}}}}
  history: {{table: item, combiner: mean}}
numbers:
  price: {{log: true, scale: z_score}}
tables:
  user: {{dim: 16}}
  item: {{dim: 16}}
  category: {{dim: 16}}
  device: {{dim: 16}}
training: {{batch_size: 1024, epochs: 1}}
evaluation: {{min_auc: 0.6}}
worker_processes: {{default: {workers}}}
"""


def make_rows(rows: int = ROWS, evaluated: int = EVALUATED) -> Path:
    """Writes the files, unless they are there; returns their folder.

    Args:
        rows: of all files.
        evaluated: of the evaluation split.
    """
    drawn_by = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    folder = (_DATA / f"{rows}-{evaluated}-{drawn_by}").absolute()
    if not folder.exists():
        made = folder.with_suffix(".partial")
        made.mkdir(parents=True, exist_ok=True)
        _write(made / "train.csv", rows - evaluated, seed=1)
        _write(made / "eval.csv", evaluated, seed=2)
        made.rename(folder)
    return folder


def write_config(folder: Path, data: Path, workers: int) -> Path:
    """Writes the configuration of a run, and returns its file.

    Args:
        folder: where to.
        data: the folder of the rows.
        workers: how many worker processes steps get.
    """
    file = folder / "bench_pipeline.yaml"
    file.write_text(_CONFIG.format(path=data, workers=workers))
    return file


def _write(file: Path, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    users = rng.zipf(1.2, rows) % _USERS
    items = rng.zipf(1.3, rows) % _ITEMS
    histories = rng.zipf(1.3, (rows, _HISTORY)) % _ITEMS
    devices = rng.integers(0, _DEVICES, rows)
    prices = rng.gamma(2, 10, rows)
    taste = ((items * 7919) % 13 - 6) / 4 + ((users * 31) % 7 - 3) / 4 - 1
    clicks = rng.random(rows) < 1 / (1 + np.exp(-taste))
    with file.open("w") as lines:
        lines.write(f"{_COLUMNS}\n")
        for n in range(rows):
            history = "|".join(f"i{item}" for item in histories[n])
            lines.write(
                f"u{users[n]},i{items[n]},c{items[n] % _CATEGORIES},{devices[n]},"
                f"{history},{prices[n]:.4f},{int(clicks[n])}\n"
            )
