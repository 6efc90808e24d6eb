"""A checkpoint of several hosts, exported, answers as the engine did."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from shardline.components.contracts.checkpoint_manifest import (
    CheckpointManifest,
    checkpoint_prefix,
)
from shardline.components.exporter.serving_model import ServingModel
from shardline.components.features.graph.transform_graph import TransformGraph
from shardline.components.model.engine_config import table_rows
from shardline.components.trainer.inputs import (
    Batch,
    BatchReader,
    filled_batches,
    unlabelled_batch,
)
from shardline.components.trainer.loop import save
from shardline.configs.schema import Model, Target

BATCH_SIZE = 2


@pytest.fixture(scope="module")
def serialized(transformed: Any, serialize: Callable[..., bytes]) -> list[bytes]:
    """The rows, and one of unseen tokens, without their label."""
    stranger = {
        name: [f"new {name}"] for name in ("user", "friend", "city", "movie")
    } | {"history": ["x", "m1", "y"], "tags": ["z"], "tag_scores": [3.0]}
    rows = [*transformed.rows, stranger]
    return [
        serialize({name: v for name, v in row.items() if name != "label"})
        for row in rows
    ]


@pytest.fixture(scope="module")
def exported(
    transformed: Any,
    serialized: list[bytes],
    make_learner: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, np.ndarray]:
    """A trained model's export, moved elsewhere, and the engine's scores."""
    folder = tmp_path_factory.mktemp("exported")
    features = transformed.features
    rows = table_rows(features, transformed.output)
    learner = make_learner(features, rows, BATCH_SIZE, hosts=3)
    spec = transformed.output.transformed_feature_spec()
    reader = BatchReader(spec, features, Target(), BATCH_SIZE)
    batches = iter(reader.training_batches([str(transformed.file)], seed=0))
    learner.train(batches, tf.constant(30))
    save(learner, checkpoint_prefix(str(folder)))
    CheckpointManifest(
        steps=30,
        hosts=3,
        rows=rows,
        feature_set=features,
        model=Model(options={"hidden_units": [8, 4]}),
        label="label",
        metrics={},
    ).save(str(folder))
    graph = TransformGraph(transformed.output, features)

    def parse(examples: tf.Tensor) -> Batch:
        return unlabelled_batch(graph(graph.parse(examples)), features, BATCH_SIZE)

    dataset = tf.data.Dataset.from_tensor_slices(serialized)
    scores = learner.predict(filled_batches(dataset, BATCH_SIZE, parse))
    ServingModel(str(folder), transformed.output).save(str(folder / "export"))
    moved = Path(shutil.move(folder / "export", folder / "moved"))
    return moved, scores


@pytest.fixture(scope="module")
def served(exported: tuple[Path, np.ndarray]) -> Any:
    """The signatures of the exported model."""
    return tf.saved_model.load(str(exported[0])).signatures


def test_export_answers_as_the_engine_did(
    served: Any, serialized: list[bytes], exported: Any
) -> None:
    answer = served["serving_default"](examples=tf.constant(serialized))["scores"]

    assert answer.shape == [4]
    assert len(set(exported[1].tolist())) == 4
    np.testing.assert_allclose(answer, exported[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("order", [[2], [3, 1], [1, 1, 1, 1, 0]], ids=str)
def test_any_batch_size_gives_the_same_scores(
    served: Any, serialized: list[bytes], exported: Any, order: list[int]
) -> None:
    examples = tf.constant([serialized[place] for place in order])

    answer = served["serving_default"](examples=examples)["scores"]

    np.testing.assert_allclose(answer, exported[1][order], rtol=0, atol=1e-6)


def test_empty_batch_gives_no_scores(served: Any) -> None:
    answer = served["serving_default"](examples=tf.constant([], tf.string))["scores"]

    assert answer.shape == [0]


def test_columns_signature_takes_flat_tensors(served: Any, exported: Any) -> None:
    def strings(*values: str) -> tf.Tensor:
        return tf.constant(values)

    answer = served["columns"](
        user=strings("ada"),
        friend=strings("bea"),
        city=strings("Rome"),
        movie=strings("m1"),
        history_values=strings("m1", "m2", "m3"),
        history_row_splits=tf.constant([0, 3], tf.int64),
        tags_values=strings("fun", "old"),
        tags_row_splits=tf.constant([0, 2], tf.int64),
        tag_scores_values=tf.constant([1.0, 2.0]),
        tag_scores_row_splits=tf.constant([0, 2], tf.int64),
    )

    np.testing.assert_allclose(answer["scores"], exported[1][:1], rtol=0, atol=1e-6)


def test_export_needs_no_python_and_only_the_tables_rows(
    served: Any, exported: Any
) -> None:
    graph = served["serving_default"].graph.as_graph_def()
    ops = {node.op for node in graph.node}
    ops |= {
        node.op for function in graph.library.function for node in function.node_def
    }

    assert not any("PyFunc" in op for op in ops)
    saved = tf.train.list_variables(str(exported[0] / "variables" / "variables"))
    # One variable a table, six of the dense layers; no slots, no copy of either.
    shapes = [shape for name, shape in saved if "_CHECKPOINTABLE" not in name]
    assert len(shapes) == 4 + 6
