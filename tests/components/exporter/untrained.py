"""A model that has learnt nothing, as a trainer leaves it, whose scores differ."""

from pathlib import Path
from typing import Any

import tensorflow_transform as tft

from shardline.components.contracts.checkpoint_manifest import (
    CheckpointManifest,
    checkpoint_prefix,
)
from shardline.components.model.engine_config import table_rows
from shardline.components.trainer.learner import Learner, new_learner
from shardline.components.trainer.loop import save
from shardline.configs.schema import FeatureSet, Model, Target, Training


def save_untrained(
    folder: Path | str,
    features: FeatureSet,
    target: Target,
    output: tft.TFTransformOutput,
    *,
    hidden_units: list[int],
    factor: float,
    batch_size: int = 2,
) -> Learner:
    """Writes checkpoint and manifest of a model on 2 hosts.

    Args:
        folder: of both.
        features: what it reads.
        target: what it predicts.
        output: of its transform graph.
        hidden_units: of its layers.
        factor: of the tables' initial values, which are small.
        batch_size: examples a step.
    """
    rows = table_rows(features, output)
    model = Model(options={"hidden_units": hidden_units})
    training = Training(batch_size=batch_size, steps=1, hosts=2, seed=5)
    learner: Any = new_learner(features, rows, model, training)
    for table in learner.engine.embedding_tables.values():
        for shard in table.variables:
            shard.assign(factor * shard)
    save(learner, checkpoint_prefix(str(folder)))
    CheckpointManifest(
        steps=0,
        hosts=2,
        rows=rows,
        feature_set=features,
        model=model,
        metrics={},
        **target.model_dump(),
    ).save(str(folder))
    return learner
