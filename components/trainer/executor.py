"""Runs the training of one pipeline run and writes what it learnt."""

import dataclasses
import functools
from typing import Any

import tensorflow_transform as tft
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from shardline.components.contracts.artifacts import record_properties
from shardline.components.contracts.checkpoint_manifest import CheckpointManifest
from shardline.components.execution.local_copy import local_output
from shardline.components.model.engine_config import table_rows
from shardline.components.trainer.conduct import with_conduct
from shardline.components.trainer.job import Job
from shardline.components.trainer.placement.choice import check_output, placed
from shardline.components.trainer.span_inputs import span_inputs
from shardline.components.trainer.work_folder import (
    configuration_digest,
    fingerprint,
    vocabularies_digest,
    work_folder,
)
from shardline.configs.schema import FeatureSet, Model, Target, Training


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
        job = _job(input_dict, exec_properties)
        checkpoint = artifact_utils.get_single_instance(output_dict["checkpoint"])
        logs = artifact_utils.get_single_uri(output_dict["model_run"])
        conduct = exec_properties["conduct"]
        training = with_conduct(job.training, conduct, checkpoint.uri)
        check_output(training, checkpoint.uri)
        job = dataclasses.replace(job, training=training)
        name = _fingerprint(job, input_dict, exec_properties["code_version"])
        with (
            local_output(checkpoint.uri) as folder,
            work_folder(
                checkpoint.uri,
                name,
                training.checkpoint.folder,
                "tpu" if training.tpu else "hosts",
            ) as work,
        ):
            # First, for it sets TensorFlow's devices, which nothing may have used.
            placement = placed(training)
            manifest = placement.survive(
                functools.partial(job.train, placement, work, folder, logs)
            )
            work.finish({"steps": manifest.steps, "checkpoint": checkpoint.uri})
        properties = _properties(manifest)
        if job.spans.spans:
            properties["spans"] = job.spans.spans
            for artifact in output_dict["model_run"]:
                record_properties(artifact, {"spans": job.spans.spans})
        record_properties(checkpoint, properties)


def _job(input_dict: dict[str, list[Any]], exec_properties: dict[str, Any]) -> Job:
    """Returns what TFX asks to have trained."""
    feature_set = FeatureSet.model_validate_json(exec_properties["feature_set"])
    target = Target.model_validate_json(exec_properties["target"])
    model = Model.model_validate_json(exec_properties["model"])
    training = Training.model_validate_json(exec_properties["training"])
    graph_uri = artifact_utils.get_single_uri(input_dict["transform_graph"])
    transform_output = tft.TFTransformOutput(graph_uri)
    spans = span_inputs(input_dict, training)
    base = spans.digest()
    lineage = {
        "configuration": configuration_digest(feature_set, model, target, training),
        "vocabularies": vocabularies_digest(graph_uri),
    }
    return Job(
        feature_set=feature_set,
        target=target,
        model=model,
        training=training,
        transform_output=transform_output,
        rows=table_rows(feature_set, transform_output),
        examples=input_dict["transformed_examples"],
        raw_examples=input_dict["examples"],
        parity_examples=exec_properties["parity_examples"],
        spans=spans,
        lineage=lineage | ({"base": base} if base else {}),
    )


def _fingerprint(job: Job, input_dict: dict[str, list[Any]], code_version: str) -> str:
    """Returns the name of a training, by all that decides what it learns."""
    graph_uri = artifact_utils.get_single_uri(input_dict["transform_graph"])
    return fingerprint(
        job.lineage["configuration"],
        [graph_uri, *(artifact.uri for artifact in job.examples)],
        code_version,
        begun=job.lineage.get("base", ""),
    )


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
