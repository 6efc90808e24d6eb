"""A model of one large table: its checkpoint, export and loading, each measured.

    python -m benchmarks.serving.programs.large ACTION FOLDER [--rows N] [--hosts N]

ACTION is `make`, `export` or `load`, to be run in this order, each in a process of its
own. `make` trains nothing, for the numbers in a table do not matter here: it writes the
files that a learner's checkpoint consists of, the table as slices of 32 MB in one file
a host, all slices alike. Prints one line of JSON: bytes of the table, seconds, and the
memory of the process before the action, after it, and at most.
"""

import argparse
import gc
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Action = Callable[[], object]

DIM = 64
_SLICE_ROWS = 32 * 2**20 // (4 * DIM)
_MODEL = {"hidden_units": [8]}


def main() -> None:
    """Does one action."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=_ACTIONS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=24_000_000)
    parser.add_argument("--hosts", type=int, default=4)
    arguments = parser.parse_args()
    action = _ACTIONS[arguments.action](
        arguments.folder, arguments.rows, arguments.hosts
    )
    before = _memory("VmRSS")
    start = time.perf_counter()
    kept = action()
    seconds = time.perf_counter() - start
    gc.collect()
    outcome = {
        "table_bytes": arguments.rows * DIM * 4,
        "seconds": seconds,
        "before_bytes": before,
        "after_bytes": _memory("VmRSS"),
        "peak_bytes": _memory("VmHWM"),
    }
    del kept
    print(json.dumps(outcome), flush=True)


def make(folder: Path, rows: int, hosts: int) -> Action:
    """Returns what writes checkpoint and transform graph."""
    import tensorflow as tf

    from shardline.components.contracts.checkpoint_manifest import (
        CheckpointManifest,
        checkpoint_prefix,
    )
    from shardline.components.features.analysis.statistics import FeatureStatistics
    from shardline.components.features.graph.writer import write_transform_graph
    from shardline.components.model.dense_variables import plain_variables
    from shardline.components.trainer.learner import new_learner
    from shardline.configs.schema import Model, Target, Training
    from shardline.embedding.tables import partition

    features, model = _features(rows), Model(options=_MODEL)
    checkpoint = str(folder / "checkpoint")

    def write() -> None:
        os.makedirs(checkpoint)
        write_transform_graph(
            str(folder / "graph"),
            features.preprocessing(Target()),
            FeatureStatistics(examples=1),
            str(folder),
        )
        training = Training(batch_size=2, steps=1)
        learner = new_learner(features, {"item": 1}, model, training)
        dense = tf.train.Checkpoint(model=plain_variables(learner.model))
        parts = [dense.write(f"{checkpoint}/dense")]
        for host, (first, stop) in enumerate(partition.row_ranges(rows, hosts)):
            parts.append(f"{checkpoint}/host-{host}")
            _write_host(parts[-1], rows, first, stop)
        tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=parts, destination_prefix=checkpoint_prefix(checkpoint)
        )
        CheckpointManifest(
            steps=0,
            hosts=hosts,
            rows={"item": rows},
            feature_set=features,
            model=model,
            metrics={},
            **Target().model_dump(),
        ).save(checkpoint)

    return write


def _write_host(prefix: str, rows: int, first: int, stop: int) -> None:
    """Writes a host's rows of a table, in slices that are one tensor in memory."""
    import tensorflow as tf

    from shardline.embedding.tables import partition

    values = tf.random.normal([_SLICE_ROWS, DIM])
    slices = list(partition.aligned_blocks(first, stop, _SLICE_ROWS))
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=["embedding/item/.ATTRIBUTES/VARIABLE_VALUE"] * len(slices),
        shape_and_slices=[f"{rows} {DIM} {a},{b - a}:0,{DIM}" for a, b in slices],
        tensors=[values[: b - a] for a, b in slices],
    )


def _features(rows: int) -> Any:
    """Returns a feature of ids and one of several, of one table that SGD trains."""
    from shardline.configs.schema import FeatureSet

    ids = {"table": "item", "ids": {"range": rows}}
    return FeatureSet.model_validate(
        {
            "features": {"item": ids, "seen": {**ids, "combiner": "mean"}},
            "tables": {"item": {"dim": DIM, "optimizer": {"sgd": {}}}},
        }
    )


def export(folder: Path, rows: int, _: int) -> Action:
    """Returns what exports the checkpoint, with everything imported."""
    import tensorflow_transform as tft

    from shardline.components.exporter.serving_model import ServingModel

    def write() -> None:
        graph = tft.TFTransformOutput(str(folder / "graph"))
        ServingModel(str(folder / "checkpoint"), graph).save(str(folder / "model"))

    return write


def load(folder: Path, rows: int, _: int) -> Action:
    """Returns what loads the model and asks for the last row."""
    import tensorflow as tf

    def read() -> object:
        model = tf.saved_model.load(str(folder / "model"))
        last = tf.constant([rows - 1], tf.int64)
        nothing = tf.constant([], tf.int64)
        splits = tf.constant([0], tf.int64)
        model.signatures["lookup"](
            item=last, seen_values=nothing, seen_row_splits=splits
        )
        return model

    return read


def _memory(kind: str) -> int:
    """Returns a line of this process's memory, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{kind}:"))
    return int(line.split()[1]) * 1024


_ACTIONS = {"make": make, "export": export, "load": load}

if __name__ == "__main__":
    main()
