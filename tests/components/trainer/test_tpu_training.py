"""The Trainer's executor on an emulated TPU, beside itself on hosts of the process."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from shardline_tests import load

from shardline.components.contracts.checkpoint_manifest import load_manifest
from shardline.components.contracts.parity_examples import (
    model_parity,
    parity_folder,
)
from shardline.components.exporter.serving_model import ServingModel
from shardline.components.trainer import tpu_learner
from shardline.components.trainer.placement import tpu as placement
from shardline.components.trainer.tpu_learner import TPULearner
from shardline.components.trainer.training_sets import TrainingSets
from shardline.components.validator.validate import check_parity
from shardline.configs.schema import Feature, FeatureSet, Model, Optimizer, Table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

runs = load("components/trainer/span_runs.py")

TOKENS = {
    "user": [f"u{i}" for i in range(20)],
    "movie": [f"m{i}" for i in range(9)],
}
FEATURES = FeatureSet(
    features={
        "user": Feature(table="user"),
        "movie": Feature(table="movie"),
        "seen": Feature(table="movie", max_sequence_length=2),
        "liked": Feature(table="movie", combiner="mean"),
    },
    tables={
        "user": Table(dim=4, optimizer=Optimizer(adam={})),
        "movie": Table(dim=4, optimizer=Optimizer(adagrad={})),
    },
)
# Without dropout, whose units would be others in each part of a batch.
MODEL = Model(options={"hidden_units": [6], "l2": 0.01})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return runs.SpanRun(tmp_path_factory.mktemp("run") / "inputs", FEATURES, TOKENS)


@pytest.fixture
def on_tpu(emulated_tpu: Callable[..., Any]) -> Callable[..., Any]:
    """Has `tpu: local` be an emulated TPU, within a block."""

    @contextlib.contextmanager
    def placed(hosts: int = 1, cores: int = 2) -> Iterator[mock.Mock]:
        with (
            emulated_tpu(hosts, cores) as tpu,
            mock.patch.object(placement, "connect"),
            mock.patch.object(tf.distribute, "TPUStrategy", tpu.strategy),
            # What a chip's graph looks like, test_tpu_graphs.py checks.
            mock.patch.object(tpu_learner, "check_tpu_graph") as check,
        ):
            yield check

    return placed


def trained(run: Any, outputs: Path, number: int = 1, **settings: Any) -> Path:
    checkpoint, _ = run.train(outputs, number, model=MODEL, **settings)
    return Path(checkpoint.uri)


def assert_close(checkpoint: Path, expected: Path) -> None:
    found, wanted = runs.tables_in(checkpoint), runs.tables_in(expected)
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, 1e-5, 1e-6, err_msg=name)


@contextlib.contextmanager
def ended_after(steps: int) -> Iterator[None]:
    """Has a training end once so many steps are done and saved."""
    saves = TrainingSets.save_if_due

    def save(sets: TrainingSets, step: int, state: Any) -> None:
        saves(sets, step, state)
        if step >= steps:
            sets.wait()
            raise KeyboardInterrupt

    with (
        mock.patch.object(TrainingSets, "save_if_due", save),
        pytest.raises(KeyboardInterrupt),
    ):
        yield


@pytest.fixture(scope="module")
def on_hosts(run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a training on two hosts of the process."""
    return trained(run, tmp_path_factory.mktemp("hosts"), hosts=2)


def test_tpu_learns_what_hosts_learn_and_a_served_model_repeats_it(
    run: Any, on_hosts: Path, on_tpu: Callable[..., Any], tmp_path: Path
) -> None:
    with on_tpu(hosts=2, cores=2) as check:
        found = trained(run, tmp_path, tpu="local")

    # Learning, evaluation, and both that is recorded: scores and lookups.
    assert check.call_count == 4
    assert_close(found, on_hosts)
    one, other = load_manifest(str(found)), load_manifest(str(on_hosts))
    assert (one.steps, one.hosts) == (other.steps, other.hosts)
    assert one.metrics == pytest.approx(other.metrics, abs=1e-5)
    model = tmp_path / "model"
    output = tft.TFTransformOutput(str(run.folder / "graph"))
    ServingModel(str(found), output, {}).save(str(model))
    shutil.copytree(parity_folder(str(found)), model_parity(model))
    parity = check_parity(str(model), max_difference=1e-6)
    assert parity.gate.passes, parity.gate
    assert parity.scores.examples == 4


@pytest.mark.parametrize("then", ["tpu", "hosts"])
def test_training_on_a_tpu_goes_on_from_its_sets(
    run: Any, on_hosts: Path, on_tpu: Callable[..., Any], tmp_path: Path, then: str
) -> None:
    sets = {"checkpoint": {"every_steps": 3}}
    with on_tpu(), ended_after(3):
        trained(run, tmp_path, tpu="local", **sets)

    if then == "tpu":
        with on_tpu(cores=1):
            found = trained(run, tmp_path, 2, tpu="local", **sets)
    else:
        found = trained(run, tmp_path, 2, **sets)

    assert_close(found, on_hosts)


def test_training_on_hosts_goes_on_on_a_tpu_to_its_best_step(
    run: Any, on_tpu: Callable[..., Any], tmp_path: Path
) -> None:
    stop = {"early_stop": {"split": "eval", "every_steps": 2}, "epochs": 2}
    expected = trained(run, tmp_path / "hosts", **stop)
    with ended_after(3):
        trained(run, tmp_path / "tpu", **stop)

    with on_tpu():
        found = trained(run, tmp_path / "tpu", 2, tpu="local", **stop)

    assert_close(found, expected)


def test_training_on_a_tpu_is_one_although_that_on_hosts_has_ended(
    run: Any, on_tpu: Callable[..., Any], tmp_path: Path
) -> None:
    trained(run, tmp_path, steps=2, epochs=None)

    with (
        on_tpu(),
        mock.patch.object(
            TPULearner, "train", autospec=True, side_effect=TPULearner.train
        ) as train,
    ):
        trained(run, tmp_path, 2, tpu="local", steps=2, epochs=None)

    assert train.call_count == 1


def test_training_on_a_tpu_begins_with_the_tables_of_an_earlier_one(
    run: Any, on_hosts: Path, on_tpu: Callable[..., Any], tmp_path: Path
) -> None:
    base = run.base(on_hosts, ("2026-11-02",))
    expected = trained(run, tmp_path / "hosts", base=base)

    with on_tpu():
        found = trained(run, tmp_path / "tpu", base=base, tpu="local")

    assert load_manifest(str(found)).warm_start is not None
    assert_close(found, expected)
