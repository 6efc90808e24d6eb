"""The TFX pipeline of a run: its components, their order, and what each is given.

    raw data -> ReaderExampleGen -> StatisticsGen -> ExampleValidator
                       |            ReaderSchemaGen ----^
                       v
                FeatureTransform -> Trainer -> Exporter -> ServingValidator -> Pusher
                                                     '---> Evaluator ---------'

Where data comes in spans, SpanPlanner says first which of them to train on;
SpanExamples and SpanStatistics read each span once; ModelComparator holds the candidate
against the model in service before the Pusher; and SpanRecorder writes down last what
was done. Nothing runs behind a plan that has nothing due.

A component's cache key holds its parameters, its inputs and a digest of its code, which
it computes itself.
"""

from collections.abc import Sequence
from typing import Any

from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.pipeline import Pipeline

from shardline.configs.schema import Run
from shardline.pipeline.beam_options import give_beam_options
from shardline.pipeline.data_steps import data_steps, span_planner
from shardline.pipeline.metadata.store import sqlite_connection
from shardline.pipeline.model_steps import model_steps
from shardline.pipeline.names import pipeline_name
from shardline.pipeline.reuse import NEVER_REUSED_HERE

# They depend on what no cache key holds: the spans that are there and how far runs have
# come, or the versions that are published.
NEVER_REUSED = NEVER_REUSED_HERE | {"SpanPlanner"}


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
) -> Pipeline:
    """Returns the pipeline of a run, for any runner.

    Args:
        run: the configuration.
        pipeline_root: where artifacts go.
        data_path: the location of the raw data, as the reader takes it.
        data_version: digest of the raw data; where it comes in spans, of their list and
            of how far the run has come.
        serving_dir: the folder that model servers watch.
        metadata_path: SQLite file of ML Metadata; None where the platform has its own.
        cache: whether to reuse what an earlier run made from equal inputs.
        force: the reason to publish the model whatever the gates say; "" publishes only
            a model that passes them.
        beam_options: options of all components that run in Beam, before those that
            the configuration gives.
    """
    # In a run folder, what runs share lies beside the components' artifacts, and no
    # path of it gets into a cache key. On a platform each run has folders of its own,
    # so that what outlives it needs another; and so for how a training is saved.
    is_platform = metadata_path is None

    def steps(plan: Any | None) -> list[Any]:
        """Returns the components that train on a plan, or on all of the data."""
        data = data_steps(
            run,
            plan,
            data_path=data_path,
            data_version=data_version,
            serving_dir=serving_dir if is_platform else "",
            kept_below=pipeline_root.rstrip("/") if is_platform else "",
        )
        model = model_steps(
            run,
            data,
            plan,
            serving_dir=serving_dir,
            force=force,
            conduct_as_parameter=is_platform,
        )
        return [*data.components, *model]

    if run.data.spans is None:
        components = steps(None)
    else:
        planner = span_planner(
            run,
            data_path=data_path,
            data_version=data_version,
            serving_dir=serving_dir,
        )
        plan = planner.outputs["plan"]
        with Cond(plan.future()[0].custom_property("due") == 1):
            components = [planner, *steps(plan)]
    give_beam_options(components, run, is_local=not is_platform)
    return Pipeline(
        pipeline_name=pipeline_name(run.name),
        pipeline_root=pipeline_root,
        components=components,
        enable_cache=cache,
        beam_pipeline_args=list(beam_options),
        metadata_connection_config=(
            sqlite_connection(metadata_path) if metadata_path else None
        ),
    )
