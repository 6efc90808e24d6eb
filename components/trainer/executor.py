"""Runs the training of one pipeline run and writes what it learnt."""

import dataclasses
import functools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import Artifact, artifact_utils
from tfx.utils import io_utils

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
from shardline.components.trainer.dense_start import dense_variables
from shardline.components.trainer.event_files import keep_until
from shardline.components.trainer.inputs import (
    Batch,
    BatchReader,
    check_count,
    filled_batches,
    records,
    split_files,
    unlabelled_batch,
)
from shardline.components.trainer.labels import log_undefined
from shardline.components.trainer.learner import Learner, new_learner
from shardline.components.trainer.lookup_cases import LookupCase
from shardline.components.trainer.lookup_recorder import LookupRecorder
from shardline.components.trainer.loop import save, train_on_split
from shardline.components.trainer.set_settings import read_set_settings
from shardline.components.trainer.span_inputs import span_inputs
from shardline.components.trainer.training_sets import open_sets
from shardline.components.trainer.work_folder import (
    configuration_digest,
    fingerprint,
    vocabularies_digest,
    work_folder,
)
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
        """Trains, evaluates, and writes the checkpoint with all that goes with it.

        Args:
            input_dict: `examples`, `transformed_examples`, `transform_graph`; `plan`
                and `vocabularies` where data comes in spans.
            output_dict: `checkpoint`, `model_run`.
            exec_properties: as in TrainerSpec.

        Raises:
            ValueError: if there are too few examples, or not as many as were recorded
                when they were written, or none to evaluate on, or not both labels to
                learn from, or early stop cannot judge; or if the training cannot go on
                from what its plan says.
        """
        feature_set = FeatureSet.model_validate_json(exec_properties["feature_set"])
        model = Model.model_validate_json(exec_properties["model"])
        training = Training.model_validate_json(exec_properties["training"])
        target = Target.model_validate_json(exec_properties["target"])
        graph_uri = artifact_utils.get_single_uri(input_dict["transform_graph"])
        transform_output = tft.TFTransformOutput(graph_uri)
        checkpoint = artifact_utils.get_single_instance(output_dict["checkpoint"])
        logs = artifact_utils.get_single_uri(output_dict["model_run"])
        rows = table_rows(feature_set, transform_output)
        spec = transform_output.transformed_feature_spec()
        reader = BatchReader(spec, feature_set, target, training.batch_size)
        examples = input_dict["transformed_examples"]
        files = functools.partial(split_files, examples)
        spans = span_inputs(input_dict, training)
        configuration = configuration_digest(feature_set, model, target, training)
        base = spans.digest()
        name = fingerprint(
            configuration,
            [graph_uri, *(artifact.uri for artifact in examples)],
            exec_properties["code_version"],
            begun=base,
        )
        lineage = {
            "configuration": configuration,
            "vocabularies": vocabularies_digest(graph_uri),
        } | ({"base": base} if base else {})
        settings = read_set_settings(exec_properties["set_settings"], checkpoint.uri)
        with (
            local_output(checkpoint.uri) as folder,
            work_folder(checkpoint.uri, name, settings.folder) as work,
        ):
            # First, for it sets TensorFlow's devices, which nothing may have used.
            learner, sets = open_sets(
                work.path,
                lambda: new_learner(feature_set, rows, model, training),
                settings,
                lineage,
            )
            with sets:
                log_undefined(reader, files("eval"))
                beginning = spans.begin(
                    learner,
                    feature_set,
                    transform_output,
                    rows,
                    folder=folder,
                    is_begun=sets.begun_from is not None,
                )
                keep_until(work.events, int(learner.step))
                with tf.summary.create_file_writer(str(work.events)).as_default():
                    recorded = recorded_count(examples, "train")
                    train_on_split(
                        learner,
                        reader,
                        files,
                        training,
                        sets,
                        recorded,
                        beginning.step,
                    )
                save(learner, checkpoint_prefix(folder))
                io_utils.copy_dir(str(work.events), f"{logs}/train")
                _check_counts(reader, examples, training)
                with tf.summary.create_file_writer(f"{logs}/eval").as_default():
                    judged = _evaluate(learner, reader, files("eval"))
                raw = records(split_files(input_dict["examples"], "eval"))
                raw = raw.take(exec_properties["parity_examples"])
                parity = _Parity(
                    learner,
                    TransformGraph(transform_output, feature_set),
                    feature_set,
                    training.batch_size,
                )
                parity.write_scores(raw, parity_folder(folder))
                parity.write_lookups(raw, rows, parity_folder(folder))
                manifest = CheckpointManifest(
                    steps=int(learner.step),
                    hosts=training.hosts,
                    rows=rows,
                    feature_set=feature_set,
                    model=model,
                    metrics=judged.values,
                    undefined=judged.undefined,
                    spans=spans.learnt,
                    vocabularies=beginning.vocabularies,
                    dense=tuple(dense_variables(learner)),
                    warm_start=beginning.facts,
                    **target.model_dump(),
                )
                manifest.save(folder)
                work.finish({"steps": manifest.steps, "checkpoint": checkpoint.uri})
        properties = _properties(manifest)
        if spans.spans:
            properties["spans"] = spans.spans
            for artifact in output_dict["model_run"]:
                record_properties(artifact, {"spans": spans.spans})
        record_properties(checkpoint, properties)


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
    begun: dict[str, int | float | str] = {}
    if manifest.warm_start:
        begun["warm_started_from"] = manifest.warm_start.checkpoint
        if manifest.warm_start.dense_not_taken:
            begun["dense_not_taken"] = ", ".join(manifest.warm_start.dense_not_taken)
    return {**sizes, **manifest.metrics, **why, **begun}


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


@dataclasses.dataclass(frozen=True)
class _Parity:
    """Writes what a served model must answer, as this learner answers it."""

    learner: Learner
    transform: TransformGraph
    feature_set: FeatureSet
    batch_size: int

    def write_scores(self, raw: tf.data.Dataset, folder: Path) -> None:
        """Scores raw examples through the transform graph and the engine."""

        def parse(serialized: tf.Tensor) -> Batch:
            transformed = self.transform(self.transform.parse(serialized))
            return unlabelled_batch(transformed, self.feature_set, self.batch_size)

        scores = self.learner.predict(filled_batches(raw, self.batch_size, parse))
        write_parity(folder, list(raw.as_numpy_iterator()), scores)

    def write_lookups(
        self, raw: tf.data.Dataset, rows: Mapping[str, int], folder: Path
    ) -> None:
        """Records the lookups of the engine."""
        recorder = LookupRecorder(
            self.learner.engine, self.feature_set, rows, self.batch_size
        )
        examples = example_cases(self.transform, self.feature_set, raw)
        write_lookups(folder, recorder.record(examples))


def example_cases(
    transform: TransformGraph, feature_set: FeatureSet, raw: tf.data.Dataset
) -> dict[str, LookupCase]:
    """Returns what to look up for real examples.

    Args:
        transform: makes their ids.
        feature_set: the id features, numbers and tables.
        raw: serialized examples, of which the first are taken.

    Returns:
        By feature, the ids and weights of each example.
    """
    serialized = list(raw.take(_LOOKED_UP_EXAMPLES).as_numpy_iterator())
    transformed = transform(transform.parse(tf.constant(serialized)))
    cases = {}
    for name, feature in feature_set.features.items():
        ids = transformed[name]
        weights = None
        if feature.weights:
            weights = transformed[weights_output(name)].to_list()
        lists = ids.to_list() if feature.is_ragged else ids.numpy()[:, None].tolist()
        cases[name] = LookupCase("evaluation examples", lists, weights)
    return cases
