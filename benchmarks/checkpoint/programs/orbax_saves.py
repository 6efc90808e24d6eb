"""Orbax's asynchronous checkpointer on JAX arrays: tables, an accumulator to each.

python -m benchmarks.checkpoint.programs.orbax_saves FOLDER SAVES
"""

import argparse
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from benchmarks.checkpoint.rival import measured
from benchmarks.checkpoint.workload import TABLES, fresh_batches
from benchmarks.engine.workload import GRADIENT, Workload
from benchmarks.serving.program import say_result_of


def main() -> dict[str, Any]:
    """Returns what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("saves", type=int)
    parser.add_argument("--workload", type=Workload.from_json, default=TABLES)
    arguments = parser.parse_args()
    workload = arguments.workload
    names = [
        f"{kind}{table}"
        for table in range(workload.tables)
        for kind in ("table", "accumulator")
    ]
    shape = (workload.rows, workload.dim)
    arrays = {
        name: jax.random.normal(jax.random.key(number), shape)
        for number, name in enumerate(names)
    }
    alike = jax.tree.map(ocp.utils.to_shape_dtype_struct, arrays)
    rows = {
        f"{kind}{table}": np.unique(ids)
        for table, ids in enumerate(fresh_batches(workload, 1)[0])
        for kind in ("table", "accumulator")
    }
    # In place, as long as nothing else holds an array.
    updated = jax.jit(lambda old, own: old.at[own].add(GRADIENT), donate_argnums=0)
    checkpointer = ocp.StandardCheckpointer()

    def train() -> None:
        for name in names:
            arrays[name] = updated(arrays[name], rows[name])
        jax.block_until_ready(arrays)

    def restore(path: Path) -> object:
        return jax.block_until_ready(checkpointer.restore(path.resolve(), alike))

    found = measured(
        arguments.folder,
        arguments.saves,
        train=train,
        save=lambda path: checkpointer.save(path.resolve(), arrays),
        wait=checkpointer.wait_until_finished,
        restore=restore,
    )
    versions = {name: metadata.version(name) for name in ("jax", "orbax-checkpoint")}
    return found | {"versions": versions}


if __name__ == "__main__":
    say_result_of(main)
