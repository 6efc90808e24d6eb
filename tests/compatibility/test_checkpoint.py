"""A checkpoint that an older version wrote is restored and exported."""

from pathlib import Path

import numpy as np
import pytest

from shardline.components.contracts.checkpoint_manifest import (
    checkpoint_prefix,
    load_manifest,
)
from shardline.components.trainer.learner import Learner, new_learner
from shardline.components.validator.validate import check_parity
from shardline.configs.schema import Training


def restored(checkpoint: Path, hosts: int) -> Learner:
    """Returns a learner of so many hosts with what the checkpoint holds."""
    manifest = load_manifest(str(checkpoint))
    training = Training(batch_size=16, steps=24, hosts=hosts)
    learner = new_learner(manifest.feature_set, manifest.rows, manifest.model, training)
    status = learner.checkpoint().read(checkpoint_prefix(str(checkpoint)))
    status.assert_consumed()
    return learner


def values_of(learner: Learner) -> dict[str, np.ndarray]:
    """Returns all tables `<table>` and slots `<table>/<slot>`, of all hosts."""
    values = {}
    for config, table in learner.engine.embedding_tables.items():
        named = {config.name: table}
        for slot, variable in learner.engine.slot_variables[config].items():
            named[f"{config.name}/{slot}"] = variable
        for name, variable in named.items():
            shards = [shard.numpy() for shard in variable.variables]
            values[name] = np.concatenate(shards)
    return values


def test_checkpoint_names_the_model_as_it_was_called_then(old_run: Path) -> None:
    manifest = load_manifest(str(old_run / "checkpoint"))

    assert manifest.model.builder == "components.dlrm.DLRM"
    assert (manifest.hosts, manifest.steps) == (2, 24)


@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_engine_holds_what_the_old_one_held(old_run: Path, hosts: int) -> None:
    values = values_of(restored(old_run / "checkpoint", hosts))

    with np.load(old_run / "values.npz") as expected:
        assert set(values) == set(expected)
        for name, value in values.items():
            np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_exported_model_answers_as_the_old_engine(exported: Path) -> None:
    parity = check_parity(str(exported), max_difference=0.0)

    assert parity.gate.passes, parity.gate.why
    assert parity.scores.largest_difference == 0.0
