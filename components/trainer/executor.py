"""Runs the training of one pipeline run and writes what it learnt."""

import functools
import logging
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import Artifact, artifact_utils

from shardline.components.contracts.artifacts import record_properties
from shardline.components.contracts.checkpoint_manifest import (
    CheckpointManifest,
    checkpoint_prefix,
)
from shardline.components.contracts.data_card import recorded_count
from shardline.components.contracts.parity_examples import parity_folder, write_parity
from shardline.components.contracts.parity_lookups import write_lookups
from shardline.components.evaluation.binary import Judged
from shardline.components.execution.local_copy import local_output
from shardline.components.features.graph.outputs import weights_output
from shardline.components.features.graph.transform_graph import TransformGraph
from shardline.components.model.engine_config import table_rows
from shardline.components.trainer.inputs import (
    Batch,
    BatchReader,
    check_count,
    filled_batches,
    records,
    split_files,
    unlabelled_batch,
)
from shardline.components.trainer.labels import tell_undefined
from shardline.components.trainer.learner import Learner, new_learner
from shardline.components.trainer.lookup_cases import LookupCase
from shardline.components.trainer.lookup_recorder import LookupRecorder
from shardline.components.trainer.loop import train_on_split
from shardline.configs.schema import FeatureSet, Model, Target, Training

_log = logging.getLogger("shardline.trainer")

# Of the parity examples, those whose ids the engine looks up as well: activations take
# more room than scores.
_LOOKED_UP_EXAMPLES = 64


class Executor(BaseExecutor):
    """Executor of Trainer."""

    def Do(
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Trains, evaluates, and writes checkpoint, manifest and what to repeat.

        Args:
            input_dict: `examples`, `transformed_examples`, `transform_graph`.
            output_dict: `checkpoint`, `model_run`.
            exec_properties: as in TrainerSpec.

        Raises:
            ValueError: if there are too few examples, or not as many as their maker
                tells, or none to evaluate on, or not both labels to learn from, or
                early stop cannot judge.
        """
        features = FeatureSet.model_validate_json(exec_properties["feature_set"])
        model = Model.model_validate_json(exec_properties["model"])
        training = Training.model_validate_json(exec_properties["training"])
        target = Target.model_validate_json(exec_properties["target"])
        graph_uri = artifact_utils.get_single_uri(input_dict["transform_graph"])
        transform_output = tft.TFTransformOutput(graph_uri)
        checkpoint = artifact_utils.get_single_instance(output_dict["checkpoint"])
        logs = artifact_utils.get_single_uri(output_dict["model_run"])
        rows = table_rows(features, transform_output)
        spec = transform_output.transformed_feature_spec()
        reader = BatchReader(spec, features, target, training.batch_size)
        files = functools.partial(split_files, input_dict["transformed_examples"])
        # First, for it sets TensorFlow's devices, which nothing may have used.
        learner = new_learner(features, rows, model, training)
        tell_undefined(reader, files("eval"))
        with local_output(checkpoint.uri) as folder:
            with tf.summary.create_file_writer(f"{logs}/train").as_default():
                told = recorded_count(input_dict["transformed_examples"], "train")
                prefix = checkpoint_prefix(folder)
                train_on_split(learner, reader, files, training, prefix, told)
            _check_counts(reader, input_dict["transformed_examples"], training)
            with tf.summary.create_file_writer(f"{logs}/eval").as_default():
                judged = _evaluate(learner, reader, files("eval"))
            raw = records(split_files(input_dict["examples"], "eval"))
            raw = raw.take(exec_properties["parity_examples"])
            graph = TransformGraph(transform_output, features)
            parity = parity_folder(folder)
            _write_parity(learner, graph, features, raw, training.batch_size, parity)
            recorder = LookupRecorder(
                learner.engine, features, rows, training.batch_size
            )
            write_lookups(parity, recorder.record(example_cases(graph, features, raw)))
            manifest = CheckpointManifest(
                steps=int(learner.step),
                hosts=training.hosts,
                rows=rows,
                features=features,
                model=model,
                metrics=judged.values,
                undefined=judged.undefined,
                **target.model_dump(),
            )
            manifest.save(folder)
        record_properties(checkpoint, _properties(manifest))


def _check_counts(
    reader: BatchReader, examples: list[Artifact], training: Training
) -> None:
    """Checks the splits that judge: they hold as many examples as were written."""
    stop = [training.early_stop.split] if training.early_stop else []
    for split in sorted({"eval", *stop} - {"train"}):
        counted = reader.count(split_files(examples, split))
        check_count(split, counted, recorded_count(examples, split))


def _properties(manifest: CheckpointManifest) -> dict[str, int | float | str]:
    """Returns what makes lineage readable without opening the checkpoint."""
    why = {f"{name}_undefined": why for name, why in manifest.undefined.items()}
    sizes = {"steps": manifest.steps, "hosts": manifest.hosts}
    return {**sizes, **manifest.metrics, **why}


def _evaluate(learner: Learner, reader: BatchReader, files: list[str]) -> Judged:
    judged = learner.evaluate(reader.evaluation_batches(files))
    step = int(learner.step)
    for name, value in judged.values.items():
        tf.summary.scalar(name, value, step)
    if judged.values:
        _log.info("evaluation: %s", judged)
    if judged.auc_error:
        _log.info("auc may be off by %.1g: there are many scores", judged.auc_error)
    for line in judged.undefined_lines:
        tf.summary.text("undefined", line, step)
        _log.warning("evaluation: %s", line)
    return judged


def _write_parity(
    learner: Learner,
    transform: TransformGraph,
    features: FeatureSet,
    raw: tf.data.Dataset,
    batch_size: int,
    folder: Path,
) -> None:
    """Scores raw examples through the transform graph and the engine."""

    def parse(serialized: tf.Tensor) -> Batch:
        transformed = transform(transform.parse(serialized))
        return unlabelled_batch(transformed, features, batch_size)

    scores = learner.predict(filled_batches(raw, batch_size, parse))
    write_parity(folder, list(raw.as_numpy_iterator()), scores)


def example_cases(
    transform: TransformGraph, features: FeatureSet, raw: tf.data.Dataset
) -> dict[str, LookupCase]:
    """Returns what to look up for real examples.

    Args:
        transform: makes their ids.
        features: the feature specification.
        raw: serialized examples, of which the first are taken.

    Returns:
        By feature, the ids and weights of each example.
    """
    serialized = list(raw.take(_LOOKED_UP_EXAMPLES).as_numpy_iterator())
    transformed = transform(transform.parse(tf.constant(serialized)))
    cases = {}
    for name, feature in features.features.items():
        ids = transformed[name]
        weights = None
        if feature.weights:
            weights = transformed[weights_output(name)].to_list()
        lists = ids.to_list() if feature.is_ragged else ids.numpy()[:, None].tolist()
        cases[name] = LookupCase("evaluation examples", lists, weights)
    return cases
