"""The model to serve: examples, transform graph and checkpoint, without a pipeline."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.coders import example_coder

from benchmarks.serving import workload
from shardline.components.contracts.checkpoint_manifest import (
    CheckpointManifest,
    checkpoint_prefix,
    load_manifest,
)
from shardline.components.exporter.serving_model import ServingModel
from shardline.components.exporter.warmup import write_warmup
from shardline.components.features.analysis.in_process import analyze_batches
from shardline.components.features.graph.schema import example_schema
from shardline.components.features.graph.writer import write_transform_graph
from shardline.components.model.engine_config import table_rows
from shardline.components.trainer.learner import Learner, new_learner
from shardline.components.trainer.loop import save
from shardline.configs.columns import raw_columns
from shardline.configs.schema import FeatureSet, Model, Precision, Target, Training

_BATCH = 4
_WARM_UP_REQUESTS = 10


def serialized(rows: Iterable[Mapping[str, list[Any]]]) -> list[bytes]:
    """Returns rows as tf.Examples, without their label."""
    return [
        _example({name: v for name, v in row.items() if name != "label"})
        for row in rows
    ]


def _example(row: Mapping[str, list[Any]]) -> bytes:
    example = tf.train.Example()
    for name, values in row.items():
        feature = example.features.feature[name]
        # Of no values nobody can tell the type; without one they fit any.
        if not values:
            continue
        if isinstance(values[0], str):
            feature.bytes_list.value.extend(value.encode() for value in values)
        elif isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return bytes(example.SerializeToString())


def write_graph(
    folder: Path,
    features: FeatureSet,
    target: Target,
    rows: Iterable[Mapping[str, list[Any]]],
) -> tft.TFTransformOutput:
    """Writes the transform graph of some examples, as the pipeline would.

    Args:
        folder: to write.
        features: the specification.
        target: what the model predicts.
        rows: columns of examples, the label among them.
    """
    preprocessing = features.preprocessing(target)
    schema = example_schema(raw_columns(features, target))
    decoder = example_coder.ExamplesToRecordBatchDecoder(schema.SerializeToString())
    batch = decoder.DecodeBatch([_example(row) for row in rows])
    folder.mkdir(parents=True)
    statistics = analyze_batches([batch], preprocessing, str(folder))
    write_transform_graph(str(folder / "graph"), preprocessing, statistics, str(folder))
    return tft.TFTransformOutput(str(folder / "graph"))


class Trainee(NamedTuple):
    """A model as the trainer holds it; it has learnt nothing.

    Attributes:
        features: the specification.
        transform: its transform graph.
        model: the dense model.
        learner: holds the variables.
    """

    features: FeatureSet
    transform: tft.TFTransformOutput
    model: Model
    learner: Learner

    def save(self, folder: Path) -> None:
        """Writes a checkpoint into a new folder, as the trainer does."""
        folder.mkdir(parents=True)
        save(self.learner, checkpoint_prefix(str(folder)))
        CheckpointManifest(
            steps=0,
            hosts=workload.HOSTS,
            rows=table_rows(self.features, self.transform),
            feature_set=self.features,
            model=self.model,
            metrics={},
        ).save(str(folder))

    def tables(self) -> dict[str, np.ndarray]:
        """Returns the rows of each table, those of all hosts: float32 [rows, dim]."""
        return {
            config.name: np.concatenate([part.numpy() for part in table.variables])
            for config, table in self.learner.engine.embedding_tables.items()
        }


def new_trainee(
    features: FeatureSet, transform: tft.TFTransformOutput, model: Model
) -> Trainee:
    """Returns a model with fresh variables, the same each time.

    Args:
        features: the specification.
        transform: its transform graph.
        model: the dense model.
    """
    rows = table_rows(features, transform)
    training = Training(batch_size=_BATCH, steps=1, hosts=workload.HOSTS)
    return Trainee(
        features, transform, model, new_learner(features, rows, model, training)
    )


def export(
    folder: Path,
    checkpoint: Path,
    transform: tft.TFTransformOutput,
    precision: Precision,
    examples: Sequence[bytes] = (),
) -> None:
    """Exports a checkpoint as Exporter does, all tables in one precision.

    Args:
        folder: to write.
        checkpoint: its folder.
        transform: its transform graph.
        precision: how tables are held.
        examples: serialized tf.Examples to warm up with, if any.
    """
    tables = load_manifest(str(checkpoint)).feature_set.tables
    model = ServingModel(str(checkpoint), transform, dict.fromkeys(tables, precision))
    model.save(str(folder))
    if examples:
        write_warmup(folder, workload.NAME, examples, _WARM_UP_REQUESTS)
