"""`tf.train.Checkpoint` of plain variables: tables, and an accumulator to each.

python -m benchmarks.checkpoint.programs.tensorflow_saves FOLDER SAVES [--async]
"""

import argparse
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.checkpoint.rival import measured
from benchmarks.checkpoint.workload import TABLES, fresh_batches
from benchmarks.engine.workload import GRADIENT, Workload
from benchmarks.serving.program import say_result_of


def main() -> dict[str, Any]:
    """Returns what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("saves", type=int)
    parser.add_argument("--async", action="store_true", dest="is_async")
    parser.add_argument("--workload", type=Workload.from_json, default=TABLES)
    arguments = parser.parse_args()
    workload = arguments.workload
    names = [
        f"{kind}{table}"
        for table in range(workload.tables)
        for kind in ("table", "accumulator")
    ]
    shape = [workload.rows, workload.dim]
    variables = {name: tf.Variable(tf.random.normal(shape)) for name in names}
    rows = [np.unique(ids) for ids in fresh_batches(workload, 1)[0]]
    updates = [tf.fill([len(own), workload.dim], GRADIENT) for own in rows]

    def train() -> None:
        for table, (own, update) in enumerate(zip(rows, updates, strict=True)):
            for kind in ("table", "accumulator"):
                slices = tf.IndexedSlices(update, own)
                variables[f"{kind}{table}"].scatter_add(slices)

    checkpoint = tf.train.Checkpoint(**variables)
    options = tf.train.CheckpointOptions(enable_async=arguments.is_async)
    found = measured(
        arguments.folder,
        arguments.saves,
        train=train,
        save=lambda path: checkpoint.write(str(path), options=options),
        wait=checkpoint.sync,
        restore=lambda path: checkpoint.read(str(path)).assert_consumed(),
    )
    return found | {"versions": {"tensorflow": metadata.version("tensorflow")}}


if __name__ == "__main__":
    say_result_of(main)
