"""Trains a finished run's model anew on hosts, a cluster and a TPU, and compares.

    cd tests/components/trainer
    python beside_hosts.py ../../../configs/movielens.yaml ../../../runs/movielens

Prints the metrics of each on the evaluation split, and how far tables and dense model
are from those of hosts of one process. The TPU is emulated; chief and workers of the
cluster are processes on the loopback interface. Without dropout, which draws other
units for each part of a batch.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from shardline.embedding import configure_logical_hosts

HOSTS, CORES = 2, 4
IS_CHIEF = "TF_CONFIG" in os.environ
if not IS_CHIEF:
    configure_logical_hosts(CORES)
for room in ("tpu", "cluster"):
    sys.path.append(str(Path(__file__).parents[2] / "embedding" / room))

import emulated_strategy  # noqa: E402
import emulator_build  # noqa: E402
import numpy as np  # noqa: E402
import processes  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_transform as tft  # noqa: E402

from shardline.components.model.engine_config import table_rows  # noqa: E402
from shardline.components.trainer import tpu_learner  # noqa: E402
from shardline.components.trainer.inputs import BatchReader  # noqa: E402
from shardline.components.trainer.learner import Learner, new_learner  # noqa: E402
from shardline.components.trainer.loop import total_steps  # noqa: E402
from shardline.components.trainer.placement import tpu as placement  # noqa: E402
from shardline.components.trainer.placement.cluster import ClusterHosts  # noqa: E402
from shardline.components.trainer.placement.logical import LogicalHosts  # noqa: E402
from shardline.components.trainer.placement.placement import Placement  # noqa: E402
from shardline.configs.load import load_run  # noqa: E402
from shardline.configs.schema import Run  # noqa: E402
from shardline.embedding.cluster import Cluster  # noqa: E402

_STEPS_OF_A_CALL = 26


def newest(run: Path, output: str) -> Path:
    """Returns the newest output of a run's feature step."""
    folder = run / "artifacts" / "FeatureTransform" / output
    return max(folder.iterdir(), key=lambda path: int(path.name))


@contextlib.contextmanager
def emulated() -> Iterator[None]:
    """Has `TPUHosts` find an emulated TPU."""
    with (
        emulated_strategy.emulated(emulator_build.loaded(), HOSTS, CORES) as tpu,
        mock.patch.object(placement, "connect"),
        mock.patch.object(tf.distribute, "TPUStrategy", tpu.strategy),
        mock.patch.object(tpu_learner, "check_tpu_graph"),
    ):
        yield


def trained(run: Run, folder: Path, where: Placement) -> Learner:
    """Trains, tells of it, and returns the learner."""
    output = tft.TFTransformOutput(str(newest(folder, "transform_graph")))
    examples = newest(folder, "transformed_examples")
    options = {**run.model.options, "dropout": 0.0}
    model = run.model.model_copy(update={"options": options})
    rows = table_rows(run.feature_set, output)
    learner = new_learner(run.feature_set, rows, model, run.training, where)
    reader = BatchReader(
        output.transformed_feature_spec(),
        run.feature_set,
        run.data.target,
        run.training.batch_size,
        distribute=learner.distribute,
    )

    def files(split: str) -> list[str]:
        return sorted(map(str, (examples / f"Split-{split}").iterdir()))

    steps = total_steps(run.training, reader.count(files("train")))
    batches = iter(reader.training_batches(files("train"), run.training.seed))
    while (done := int(learner.step)) < steps:
        loss = learner.train(batches, tf.constant(min(_STEPS_OF_A_CALL, steps - done)))
    print(f"step {steps}, loss {float(loss):.6f}", flush=True)
    print(learner.evaluate(reader.evaluation_batches(files("eval"))), flush=True)
    return learner


def values(learner: Learner) -> dict[str, np.ndarray]:
    """Returns the rows of each table, and the dense model's variables."""
    tables = {
        name: np.concatenate([shard.numpy() for shard in rows.variables])
        for name, rows in learner.engine.rows().items()
    }
    dense = [variable.numpy().ravel() for variable in learner.model.weights]
    return {**tables, "dense model": np.concatenate(dense)}


@contextlib.contextmanager
def task(cluster: dict[str, list[str]], kind: str, index: int, *command: str) -> Any:
    """Runs Python as a task of a cluster, and ends it with the block."""
    config = {"cluster": cluster, "task": {"type": kind, "index": index}}
    environment = {**os.environ, "TF_CONFIG": json.dumps(config)}
    with subprocess.Popen([sys.executable, *command], env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


def on_cluster(config: Path, folder: Path) -> dict[str, np.ndarray]:
    """Trains with a chief and workers in processes of their own."""
    chief, *workers = (f"127.0.0.1:{port}" for port in processes.free_ports(HOSTS + 1))
    cluster = {"chief": [chief], "worker": workers}
    with contextlib.ExitStack() as tasks:
        scratch = tasks.enter_context(tempfile.TemporaryDirectory())
        for host in range(HOSTS):
            serve = ("-m", "shardline.embedding.cluster")
            tasks.enter_context(task(cluster, "worker", host, *serve))
        learnt = f"{scratch}/learnt.npz"
        train = (__file__, str(config), str(folder), learnt)
        process = tasks.enter_context(task(cluster, "chief", 0, *train))
        if process.wait():
            sys.exit("The chief failed.")
        with np.load(learnt) as arrays:
            return dict(arrays)


def as_chief(config: Path, folder: Path, learnt: Path) -> None:
    """Trains on the cluster of TF_CONFIG, and writes what was learnt."""
    run, where = load_run(config), ClusterHosts(Cluster.from_tf_config())
    np.savez(learnt, **where.survive(lambda _: values(trained(run, folder, where))))


def compare(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Prints how far apart each table and the dense model are."""
    for name, wanted in expected.items():
        apart = np.abs(found[name] - wanted).max()
        print(f"{name}: {apart:.2g} apart, of {np.abs(wanted).max():.2g}", flush=True)


def main(config: Path, folder: Path) -> None:
    """Trains on all three."""
    run = load_run(config)
    print(f"{HOSTS} hosts of this process", flush=True)
    expected = values(trained(run, folder, LogicalHosts(HOSTS)))
    print(f"a cluster of a chief and {HOSTS} workers", flush=True)
    compare(on_cluster(config, folder), expected)
    print(f"an emulated TPU of {HOSTS} hosts and {CORES} cores", flush=True)
    with emulated():
        found = values(trained(run, folder, placement.TPUHosts("local")))
    compare(found, expected)


if __name__ == "__main__":
    (as_chief if IS_CHIEF else main)(*map(Path, sys.argv[1:]))
