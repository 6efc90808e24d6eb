"""Publishes a model again and again, of whose rows some have changed since.

    python -m benchmarks.serving.programs.deltas FOLDER SHARE ...

For each share of the rows, these and all dense variables change, and the model goes

* as a delta to a folder from which an agent makes full versions in another one, and
* as a full version to a third.

Prints for each: bytes and seconds of both ways, seconds of the agent, and how many
files of the agent's version are not byte for byte those of the export.
"""

import filecmp
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.serving import workload
from benchmarks.serving.models import Trainee, export, new_trainee, write_graph
from benchmarks.serving.program import say_result_of
from shardline.components.contracts.model_folder import PUBLICATION_FILE
from shardline.components.pusher.agent import update
from shardline.components.pusher.publication import Record
from shardline.components.pusher.publish import Published, publish_model
from shardline.components.pusher.stores.stores import open_store
from shardline.configs.schema import Model, Publishing
from shardline.embedding import configure_logical_hosts

_MODEL = Model(options={"hidden_units": [8]})
_ANALYSED = 10
_FULL = Publishing()
_DELTA = Publishing(mode="delta", full_every=1000, max_delta=1.0)


def main() -> list[dict[str, Any]]:
    """Returns what was measured, by share."""
    folder = Path(sys.argv[1])
    configure_logical_hosts(workload.HOSTS)
    transform = write_graph(
        folder / "transform",
        workload.ONE_TABLE,
        workload.TARGET,
        workload.rows_of_one_table(_ANALYSED),
    )
    trainee = new_trainee(workload.ONE_TABLE, transform, _MODEL)
    _publish_everywhere(_exported(trainee, folder), folder)
    rng = np.random.default_rng(0)
    made = []
    for share in map(float, sys.argv[2:]):
        _change(trainee, share, rng)
        found = _publish_everywhere(_exported(trainee, folder), folder)
        made.append({"share": share} | found)
    return made


def _exported(trainee: Trainee, folder: Path) -> Path:
    for name in ("checkpoint", "model"):
        shutil.rmtree(folder / name, ignore_errors=True)
    trainee.save(folder / "checkpoint")
    export(folder / "model", folder / "checkpoint", trainee.transform, "float32")
    return folder / "model"


def _publish_everywhere(model: Path, folder: Path) -> dict[str, Any]:
    def published_to(name: str, how: Publishing) -> Published:
        return publish_model(model, str(folder / name), how, Record())

    full, full_s = _timed(lambda: published_to("full", _FULL))
    delta, delta_s = _timed(lambda: published_to("deltas", _DELTA))
    source, target = (open_store(str(folder / name)) for name in ("deltas", "agent"))
    version, agent_s = _timed(lambda: update(source, target))
    return {
        "kind": delta.kind,
        "full_bytes": full.bytes,
        "delta_bytes": delta.bytes,
        "full_s": full_s,
        "delta_s": delta_s,
        "agent_s": agent_s,
        "differing_files": len(differing(model, folder / "agent" / str(version))),
    }


def _timed(action: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return action(), time.perf_counter() - start


def _change(trainee: Trainee, share: float, rng: np.random.Generator) -> None:
    """Changes so many rows of each table, and all variables of the dense model."""
    for table in trainee.learner.engine.embedding_tables.values():
        for part in table.variables:
            rows = part.shape[0]
            touched = rng.choice(rows, round(share * rows), replace=False)
            values = rng.normal(size=(len(touched), part.shape[1]))
            part.scatter_update(
                tf.IndexedSlices(tf.constant(values, tf.float32), touched)
            )
    for variable in trainee.learner.model.variables:
        variable.assign(variable + 0.01)


def differing(exported: Path, made: Path) -> set[str]:
    """Returns the files that one folder lacks, or has with another content."""
    names = [
        {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}
        for top in (exported, made)
    ]
    unlike = {
        name
        for name in names[0] & names[1]
        if not filecmp.cmp(exported / name, made / name, shallow=False)
    }
    return unlike | ((names[0] ^ names[1]) - {PUBLICATION_FILE})


if __name__ == "__main__":
    say_result_of(main)
