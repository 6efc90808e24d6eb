"""The TFX pipeline of a run: its components, their order, and what each is given.

    raw data -> ReaderExampleGen -> StatisticsGen -> ExampleValidator
                       |            ReaderSchemaGen ----^
                       v
                FeatureTransform -> Trainer -> Exporter -> ServingValidator -> Pusher
                                                     '---> Evaluator ---------'

A component's cache key holds its parameters, its inputs and a digest of its code, which
it computes itself.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from tfx import v1 as tfx

from shardline.components.contracts.erasures.reading import ReadErasure, read_erasure
from shardline.components.example_gen.component import ReaderExampleGen
from shardline.components.exporter.component import Exporter
from shardline.components.features.component import FeatureTransform
from shardline.components.pusher.component import Pusher
from shardline.components.readers.files import reader_of
from shardline.components.schema_gen.component import ReaderSchemaGen
from shardline.components.trainer.component import Trainer
from shardline.components.validator.component import ServingValidator
from shardline.configs.schema import Run
from shardline.pipeline.evaluation import evaluation_config
from shardline.pipeline.metadata import sqlite_connection
from shardline.pipeline.names import pipeline_name

_EVALUATED_SPLIT = "eval"


def create_pipeline(
    run: Run,
    *,
    pipeline_root: str,
    data_path: str,
    data_version: str,
    serving_dir: str,
    metadata_path: str | None = None,
    cache: bool = True,
    force: str = "",
    beam_options: Sequence[str] = (),
) -> tfx.dsl.Pipeline:
    """Returns the pipeline of a run, for any runner.

    Args:
        run: the configuration.
        pipeline_root: where artifacts go.
        data_path: the location of the raw data, as the reader takes it.
        data_version: digest of the raw data.
        serving_dir: the folder that model servers watch.
        metadata_path: SQLite file of ML Metadata; None where the platform has its own.
        cache: whether to reuse what an earlier run made from equal inputs.
        force: the reason to publish the model whatever the gates say; "" publishes only
            a model that passes them.
        beam_options: options of the components that run in Beam.
    """
    # In a run folder, counts lie beside the component's artifacts, and no path of them
    # gets into a cache key. On a platform each run has folders of its own, so counts
    # that outlive it need another one.
    counts_folder = "" if metadata_path else f"{pipeline_root}/counts"
    data = _data_components(run, data_path, data_version, counts_folder, serving_dir)
    # As for the counts, so for how a training is saved.
    model = _model_components(
        run, data, serving_dir, force, settings_as_parameter=metadata_path is None
    )
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name(run.name),
        pipeline_root=pipeline_root,
        components=[*data, *model],
        enable_cache=cache,
        beam_pipeline_args=list(beam_options),
        metadata_connection_config=(
            sqlite_connection(metadata_path) if metadata_path else None
        ),
    )


def erasure_of(run: Run, serving_dir: str) -> ReadErasure:
    """Returns where a component that reads raw data looks what was erased.

    Args:
        run: the configuration.
        serving_dir: the folder that model servers watch.
    """
    judged = (run.evaluation.group_by, *run.evaluation.slices)
    target = (run.data.label, run.data.example_weight)
    return read_erasure(run.feature_set, serving_dir, *target, *judged)


class _DataComponents(NamedTuple):
    """The components that make features of raw data, in their order."""

    example_gen: Any
    statistics_gen: Any
    schema_gen: Any
    example_validator: Any
    transform: Any


def _data_components(
    run: Run, data_path: str, data_version: str, counts_folder: str, serving_dir: str
) -> _DataComponents:
    reader, options = reader_of(run.data, run)
    reader_options = json.dumps(options, sort_keys=True)
    example_gen = ReaderExampleGen(
        reader=reader,
        options=reader_options,
        path=data_path,
        data_version=data_version,
        erasure=erasure_of(run, serving_dir),
    )
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples)
    schema_gen = ReaderSchemaGen(reader=reader, options=reader_options)
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"],
        schema=schema_gen.outputs["schema"],
    )
    transform = FeatureTransform(
        examples=examples,
        preprocessing=run.feature_set.preprocessing(run.data.target),
        cache_folder=counts_folder,
    )
    return _DataComponents(
        example_gen, statistics_gen, schema_gen, example_validator, transform
    )


def _model_components(
    run: Run,
    data: _DataComponents,
    serving_dir: str,
    force: str,
    *,
    settings_as_parameter: bool,
) -> list[Any]:
    """Returns the components from training to publishing, in their order."""
    examples = data.example_gen.outputs["examples"]
    transform_graph = data.transform.outputs["transform_graph"]
    trainer = Trainer(
        examples=examples,
        transformed_examples=data.transform.outputs["transformed_examples"],
        transform_graph=transform_graph,
        feature_set=run.feature_set,
        target=run.data.target,
        model=run.model,
        training=run.training,
        parity_examples=run.serving.parity_examples,
        settings_as_parameter=settings_as_parameter,
    )
    exporter = Exporter(
        checkpoint=trainer.outputs["checkpoint"],
        transform_graph=transform_graph,
        examples=examples,
        model_name=run.name,
        serving=run.serving,
    )
    model = exporter.outputs["model"]
    validator = ServingValidator(model=model, serving=run.serving)
    evaluator = tfx.components.Evaluator(
        examples=examples,
        model=model,
        example_splits=[_EVALUATED_SPLIT],
        eval_config=evaluation_config(run),
    )
    pusher = Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        validation=validator.outputs["validation"],
        serving_dir=serving_dir,
        publishing=run.publishing,
        force=force,
    )
    return [trainer, exporter, validator, evaluator, pusher]
