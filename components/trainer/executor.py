"""Runs the training of one pipeline run and writes what it learnt."""

import logging
import os
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from components.checkpoint_manifest import Manifest, checkpoint_prefix
from components.features.engine_config import engine_config, table_rows
from components.features.engine_inputs import engine_inputs
from components.features.transform_graph import TransformGraph
from components.import_path import construct
from components.parity import parity_folder, write_parity
from components.trainer.inputs import (
    Batch,
    BatchReader,
    filled_batches,
    records,
    split_files,
)
from components.trainer.learner import Learner
from components.trainer.loop import total_steps, train
from configs.schema import FeatureSet, Model, Training
from embedding import TPUEmbedding, configure_logical_hosts

_log = logging.getLogger("shardline.trainer")


class Executor(BaseExecutor):
    """Executor of Trainer."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Trains, evaluates, and writes checkpoint, manifest and parity examples.

        Args:
            input_dict: `examples`, `transformed_examples`, `transform_graph`.
            output_dict: `checkpoint`, `model_run`.
            exec_properties: as in TrainerSpec.
        """
        features = FeatureSet.model_validate_json(exec_properties["features"])
        model = Model.model_validate_json(exec_properties["model"])
        training = Training.model_validate_json(exec_properties["training"])
        label = exec_properties["label"]
        transform_output = tft.TFTransformOutput(
            artifact_utils.get_single_uri(input_dict["transform_graph"])
        )
        rows = table_rows(features, transform_output)
        checkpoint = artifact_utils.get_single_instance(output_dict["checkpoint"])
        tf.io.gfile.makedirs(checkpoint.uri)

        keras.utils.set_random_seed(training.seed)
        learner = _learner(features, rows, model, training)
        reader = BatchReader(transform_output, features, label, training.batch_size)
        examples = input_dict["transformed_examples"]
        logs = artifact_utils.get_single_uri(output_dict["model_run"])
        with tf.summary.create_file_writer(os.path.join(logs, "train")).as_default():
            _train(
                learner, reader, examples, training, checkpoint_prefix(checkpoint.uri)
            )
        with tf.summary.create_file_writer(os.path.join(logs, "eval")).as_default():
            metrics = _evaluate(learner, reader, examples)

        raw = records(split_files(input_dict["examples"], "eval"))
        _write_parity(
            learner,
            TransformGraph(transform_output, features),
            features,
            raw.take(exec_properties["parity_examples"]),
            training.batch_size,
            checkpoint.uri,
        )
        manifest = Manifest(
            steps=int(learner.step),
            hosts=training.hosts,
            rows=rows,
            features=features,
            model=model,
            label=label,
            metrics=metrics,
        )
        manifest.save(checkpoint.uri)
        checkpoint.set_int_custom_property("steps", manifest.steps)
        checkpoint.set_int_custom_property("hosts", manifest.hosts)
        for name, value in metrics.items():
            checkpoint.set_float_custom_property(name, value)


def _learner(
    features: FeatureSet, rows: dict[str, int], model: Model, training: Training
) -> Learner:
    engine = TPUEmbedding(
        engine_config(features, rows), hosts=configure_logical_hosts(training.hosts)
    )
    engine.build(training.batch_size)
    return Learner(
        engine, construct(model.builder, model.options), training.learning_rate
    )


def _train(
    learner: Learner,
    reader: BatchReader,
    examples: list[Any],
    training: Training,
    prefix: str,
) -> None:
    files = split_files(examples, "train")
    count = int(records(files).reduce(0, lambda total, _: total + 1))
    steps = total_steps(training, count)
    _log.info("%d examples, %d steps of %d", count, steps, training.batch_size)
    validation = None
    if training.early_stop:
        validation = reader.evaluation_batches(
            split_files(examples, training.early_stop.split)
        )
    batches = reader.training_batches(files, training.seed)
    train(learner, batches, steps, training, validation, prefix)


def _evaluate(
    learner: Learner, reader: BatchReader, examples: list[Any]
) -> dict[str, float]:
    metrics = learner.evaluate(reader.evaluation_batches(split_files(examples, "eval")))
    for name, value in metrics.items():
        tf.summary.scalar(name, value, int(learner.step))
    _log.info("evaluation: %s", ", ".join(f"{k} {v:.4f}" for k, v in metrics.items()))
    return metrics


def _write_parity(
    learner: Learner,
    transform: TransformGraph,
    features: FeatureSet,
    raw: tf.data.Dataset,
    batch_size: int,
    folder: str,
) -> None:
    """Scores raw examples through the transform graph and the engine."""

    def parse(serialized: tf.Tensor) -> Batch:
        transformed = transform(transform.parse(serialized))
        ids, weights = engine_inputs(transformed, features)
        unlabelled = tf.zeros([batch_size])
        return Batch(ids, weights, unlabelled, unlabelled)

    scores = learner.predict(filled_batches(raw, batch_size, parse))
    write_parity(parity_folder(folder), list(raw.as_numpy_iterator()), scores)
