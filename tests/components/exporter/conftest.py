"""A model of every kind of feature and policy, over ids that need no vocabulary."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from shardline.components.contracts.checkpoint_manifest import (
    CheckpointManifest,
    checkpoint_prefix,
)
from shardline.components.exporter.serving_model import ServingModel
from shardline.components.features.analysis.statistics import FeatureStatistics
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.trainer.learner import Learner, new_learner
from shardline.components.trainer.loop import save
from shardline.configs.schema import FeatureSet, Model, Precision, Target, Training

HOSTS = 3
BATCH_SIZE = 4
ROWS = {"item": 50, "shop": 40, "word": 31, "day": 7}


def _ids(table: str, **settings: Any) -> dict[str, Any]:
    return {"table": table, "ids": {"range": ROWS[table]}, **settings}


FEATURES = FeatureSet.model_validate(
    {
        "features": {
            "item": _ids("item"),
            "bought": _ids("item", combiner="sqrtn", weights="prices"),
            "seen": _ids("item", max_sequence_length=3),
            "shop": _ids("shop"),
            "shops": _ids("shop", combiner="mean"),
            "words": _ids("word", combiner="mean", weights="counts"),
            "day": _ids("day"),
            "days": _ids("day", combiner="sum"),
        },
        "tables": {
            "item": {"dim": 8},
            "shop": {"dim": 8, "policy": "drop"},
            "word": {"dim": 8, "policy": "oov_row"},
            "day": {
                "dim": 8,
                "quantization": {"buckets": 9, "lower": -1.0, "upper": 1.5},
            },
        },
    }
)
MODEL = Model(options={"hidden_units": [8]})


@dataclasses.dataclass(frozen=True)
class Trained:
    """A checkpoint, and who wrote it.

    Attributes:
        checkpoint: its folder.
        graph: the transform graph.
        learner: holds the engine.
    """

    checkpoint: Path
    graph: Path
    learner: Learner

    @property
    def output(self) -> tft.TFTransformOutput:
        """The transform graph, as TensorFlow Transform reads it."""
        return tft.TFTransformOutput(str(self.graph))

    def rows(self, table: str) -> np.ndarray:
        """Returns all rows of a table: float32 [rows, dim]."""
        tables = self.learner.engine.embedding_tables
        (found,) = (v for config, v in tables.items() if config.name == table)
        return np.concatenate([shard.numpy() for shard in found.variables])


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A checkpoint of three hosts, whose rows are large enough to tell apart."""
    folder = tmp_path_factory.mktemp("trained")
    training = Training(batch_size=BATCH_SIZE, steps=1, hosts=HOSTS, seed=3)
    learner = new_learner(FEATURES, ROWS, MODEL, training)
    draw = np.random.default_rng(7)
    for table in learner.engine.embedding_tables.values():
        for shard in table.variables:
            shard.assign(draw.normal(size=shard.shape).astype(np.float32))
    save(learner, checkpoint_prefix(str(folder)))
    CheckpointManifest(
        steps=12,
        hosts=HOSTS,
        rows=ROWS,
        feature_set=FEATURES,
        model=MODEL,
        metrics={"auc": 0.75},
        label="label",
    ).save(str(folder))
    graph = folder / "graph"
    settings = FEATURES.preprocessing(Target())
    write_transform_graph(
        str(graph), settings, FeatureStatistics(examples=9), str(folder)
    )
    return Trained(folder, graph, learner)


@dataclasses.dataclass(frozen=True)
class Exported:
    """A model: its folder, how its tables are held, and its signatures."""

    folder: Path
    precisions: dict[str, Precision]
    signatures: Any


def _exported(
    trained: Trained, folder: Path, precisions: dict[str, Precision]
) -> Exported:
    ServingModel(str(trained.checkpoint), trained.output, precisions).save(str(folder))
    return Exported(folder, precisions, tf.saved_model.load(str(folder)).signatures)


@pytest.fixture(scope="session")
def exported(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The model with tables of float32."""
    return _exported(trained, tmp_path_factory.mktemp("float32") / "model", {})


@pytest.fixture(scope="session")
def compact(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The model with two smaller tables."""
    folder = tmp_path_factory.mktemp("compact") / "model"
    return _exported(trained, folder, {"item": "int8", "shop": "float16"})


@pytest.fixture(scope="session")
def examples() -> list[bytes]:
    """Serialized examples, the first without any list."""
    draw = np.random.default_rng(11)
    return [_example(draw, length) for length in (0, 1, 2, 5, 3)]


def _example(draw: np.random.Generator, length: int) -> bytes:
    example = tf.train.Example()
    for name, feature in FEATURES.features.items():
        ids = draw.integers(
            ROWS[feature.table], size=length if feature.is_ragged else 1
        )
        example.features.feature[name].int64_list.value.extend(ids)
        if feature.weights:
            weights = draw.uniform(0.5, 2, size=length)
            example.features.feature[feature.weights].float_list.value.extend(weights)
    return example.SerializeToString()
