"""Trains a finished run's model anew, on hosts and on an emulated TPU, and compares.

    cd tests/components/trainer
    python beside_hosts.py ../../../configs/movielens.yaml ../../../runs/movielens

Prints the metrics of both on the evaluation split, and how far tables and dense model
are apart. Without dropout, which draws other units for each part of a batch.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from shardline.embedding import configure_logical_hosts

HOSTS, CORES = 2, 4
configure_logical_hosts(CORES)
sys.path.append(str(Path(__file__).parents[2] / "embedding" / "tpu"))

import emulated_strategy  # noqa: E402
import emulator_build  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_transform as tft  # noqa: E402

from shardline.components.model.engine_config import table_rows  # noqa: E402
from shardline.components.trainer import tpu_learner  # noqa: E402
from shardline.components.trainer.inputs import BatchReader  # noqa: E402
from shardline.components.trainer.learner import Learner, new_learner  # noqa: E402
from shardline.components.trainer.loop import total_steps  # noqa: E402
from shardline.components.trainer.placement import tpu as placement  # noqa: E402
from shardline.components.trainer.placement.logical import LogicalHosts  # noqa: E402
from shardline.components.trainer.placement.placement import Placement  # noqa: E402
from shardline.configs.load import load_run  # noqa: E402
from shardline.configs.schema import Run  # noqa: E402

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


def main(config: Path, folder: Path) -> None:
    """Trains on both."""
    run = load_run(config)
    print(f"{HOSTS} hosts of this process")
    expected = values(trained(run, folder, LogicalHosts(HOSTS)))
    print(f"an emulated TPU of {HOSTS} hosts and {CORES} cores")
    with emulated():
        found = values(trained(run, folder, placement.TPUHosts("local")))
    for name, wanted in expected.items():
        apart = np.abs(found[name] - wanted).max()
        print(f"{name}: {apart:.2g} apart, of {np.abs(wanted).max():.2g}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
