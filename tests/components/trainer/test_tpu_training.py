"""The Trainer's executor on an emulated TPU, beside itself on hosts of the process."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.trainer import tpu_learner
from shardline.components.trainer.placement import tpu as placement
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


@pytest.mark.parametrize(("hosts", "cores"), [(1, 1), (2, 2)])
def test_tpu_learns_what_hosts_learn(
    run: Any, on_tpu: Callable[..., Any], tmp_path: Path, hosts: int, cores: int
) -> None:
    expected = trained(run, tmp_path / "hosts", hosts=hosts)

    with on_tpu(hosts, cores) as check:
        found = trained(run, tmp_path / "tpu", tpu="local")

    assert check.call_count
    assert_close(found, expected)
