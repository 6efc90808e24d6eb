"""Begins a table with a checkpoint of other hosts, and restores the same one plainly.

    python -m benchmarks.continuous.programs.warm_start make FOLDER HOSTS
    python -m benchmarks.continuous.programs.warm_start measure FOLDER HOSTS

Each in a process of its own. The checkpoint's files stay in the page cache, so that no
disk hides what moving rows takes. `--rows` and `--dim` make the table smaller.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.checkpoint.memory import status_bytes
from benchmarks.serving.program import say_result_of
from shardline import embedding
from shardline.embedding.checkpoint.warm_start.object_source import ObjectSource
from shardline.embedding.checkpoint.warm_start.row_map import RowMap, same_rows
from shardline.embedding.checkpoint.warm_start.starting import warm_start

# 2.05 GB of parameters, and as much of accumulators.
_ROWS, _DIM = 8_000_000, 64
_TABLE = "item"
_REPEATS = 3
# Of so many rows the tokens went, and others came.
_GONE = 0.05


def main() -> dict[str, Any]:
    """Does one action."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("make", "measure"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("hosts", type=int)
    parser.add_argument("--rows", type=int, default=_ROWS)
    parser.add_argument("--dim", type=int, default=_DIM)
    arguments = parser.parse_args()
    act = make if arguments.action == "make" else measure
    return act(arguments.folder, arguments.hosts, arguments.rows, arguments.dim)


def make(folder: Path, hosts: int, rows: int, dim: int) -> dict[str, Any]:
    """Writes a checkpoint of an engine's first values."""
    engine = _engine(hosts, rows, dim, tf.random_uniform_initializer(seed=1))
    checkpoint = tf.train.Checkpoint(embedding=engine)
    checkpoint.write(_prefix(folder), options=embedding.host_sharded_options())
    return {"bytes": sum(path.stat().st_size for path in folder.iterdir())}


def measure(folder: Path, hosts: int, rows: int, dim: int) -> dict[str, Any]:
    """Begins and restores in turn.

    Returns:
        `seconds` of each time, by `alike` (5 % of the rows are fresh), `shuffled` and
        `restore`; `extra_bytes`, by which memory was above the shards at most, and
        above what the process had without table, by the same; `shard_bytes`. Memory is
        that of the first time: TensorFlow's allocator keeps what a restore took.
    """
    random = np.random.default_rng(0)
    _engine(hosts, hosts, 1, tf.zeros_initializer())  # TensorFlow starts here.
    before = status_bytes("VmRSS")
    engine = _engine(hosts, rows, dim, tf.zeros_initializer())
    shards = 2 * 4 * rows * dim
    checkpoint = tf.train.Checkpoint(embedding=engine)

    def restore() -> None:
        checkpoint.read(_prefix(folder)).assert_consumed()

    def begin(sources: np.ndarray) -> None:
        source = ObjectSource(_prefix(folder), [_TABLE])
        warm_start(engine, source, {_TABLE: RowMap(sources)})

    def alike() -> None:
        sources = same_rows(rows, rows).sources
        sources[random.integers(0, rows, int(rows * _GONE))] = -1
        timed(lambda: begin(sources))

    def shuffled() -> None:
        sources = same_rows(rows, rows).sources
        random.shuffle(sources)
        timed(lambda: begin(sources))

    seconds: dict[str, list[float]] = {}
    extra: dict[str, int] = {}
    name = ""

    def timed(act: Callable[[], None]) -> None:
        began_s = time.perf_counter()
        act()
        seconds.setdefault(name, []).append(time.perf_counter() - began_s)

    kinds = {"alike": alike, "shuffled": shuffled, "restore": lambda: timed(restore)}
    for _ in range(_REPEATS):
        for name, act in kinds.items():
            Path("/proc/self/clear_refs").write_text("5")
            act()
            extra.setdefault(name, status_bytes("VmHWM") - before - shards)
    return {"seconds": seconds, "extra_bytes": extra, "shard_bytes": shards}


def _engine(hosts: int, rows: int, dim: int, initializer: Any) -> Any:
    api = tf.tpu.experimental.embedding
    table = api.TableConfig(rows, dim, initializer=initializer, name=_TABLE)
    engine = embedding.TPUEmbedding(
        api.FeatureConfig(table=table),
        api.Adagrad(0.1),
        hosts=embedding.configure_logical_hosts(hosts),
    )
    engine.build(2)
    return engine


def _prefix(folder: Path) -> str:
    return str(folder / "checkpoint")


if __name__ == "__main__":
    say_result_of(main)
