"""The components that make features of raw data, which comes whole or in spans."""

import json
from typing import Any, NamedTuple

from tfx.components import ExampleValidator

from shardline.components.contracts.erasures.reading import ReadErasure, read_erasure
from shardline.components.example_gen.component import ReaderExampleGen
from shardline.components.features.component import FeatureTransform
from shardline.components.readers.files import reader_of
from shardline.components.schema_gen.component import ReaderSchemaGen
from shardline.components.span_examples.component import SpanExamples
from shardline.components.span_planner.component import SpanPlanner
from shardline.components.span_statistics.component import SpanStatistics
from shardline.components.statistics_gen.component import StatisticsGen
from shardline.configs.schema import Run


class DataSteps(NamedTuple):
    """The components, and the outputs of them that later steps take.

    Attributes:
        components: all of them, in their order.
        examples: the raw examples.
        transform: the outputs of the feature step, by name.
    """

    components: list[Any]
    examples: Any
    transform: Any


def span_planner(
    run: Run, *, data_path: str, data_version: str, serving_dir: str
) -> SpanPlanner:
    """Returns the component that says which spans to train on.

    Args:
        run: the configuration, of data that comes in spans.
        data_path: the location of the raw data.
        data_version: digest of the list of spans and of how far the run has come.
        serving_dir: the folder that models are published to.
    """
    return SpanPlanner(
        name=run.name,
        data=run.data,
        evaluation=run.evaluation,
        warm_start=run.training.warm_start,
        path=data_path,
        serving_dir=serving_dir,
        known_by=data_version,
        **_read_by(run),
    )


def data_steps(
    run: Run,
    plan: Any | None,
    *,
    data_path: str,
    data_version: str,
    serving_dir: str,
    kept_below: str,
) -> DataSteps:
    """Returns the components from raw data to transformed examples.

    Args:
        run: the configuration.
        plan: which spans to train on; None where data comes whole.
        data_path: the location of the raw data.
        data_version: its digest, where it comes whole.
        serving_dir: the folder that models are published to; "" for that of the run
            folder, whose path is to be in no cache key.
        kept_below: folder of what later runs find again, such as counts; "" keeps it
            beside the components' artifacts.
    """
    example_gen, statistics_gen = (
        _of_spans(run, plan, data_path, serving_dir, kept_below)
        if plan
        else _of_whole_data(run, data_path, data_version, serving_dir)
    )
    examples = example_gen.outputs["examples"]
    schema_gen = ReaderSchemaGen(**_read_by(run))
    example_validator = ExampleValidator(
        statistics=statistics_gen.outputs["statistics"],
        schema=schema_gen.outputs["schema"],
    )
    transform = FeatureTransform(
        examples=examples,
        preprocessing=run.feature_set.preprocessing(run.data.target),
        cache_folder=f"{kept_below}/counts" if kept_below else "",
        plan=plan,
    )
    components = [
        example_gen,
        statistics_gen,
        schema_gen,
        example_validator,
        transform,
    ]
    return DataSteps(components, examples, transform.outputs)


def erasure_of(run: Run, serving_dir: str) -> ReadErasure:
    """Returns where a component that reads raw data looks what was erased.

    Args:
        run: the configuration.
        serving_dir: the folder that models are published to; "" for that of the run
            folder.
    """
    judged = (run.evaluation.group_by, *run.evaluation.slices)
    target = (run.data.label, run.data.example_weight)
    return read_erasure(run.feature_set, serving_dir, *target, *judged)


def _of_whole_data(
    run: Run, data_path: str, data_version: str, serving_dir: str
) -> tuple[Any, Any]:
    """Returns what reads the data, and what computes its statistics."""
    example_gen = ReaderExampleGen(
        path=data_path,
        data_version=data_version,
        erasure=erasure_of(run, serving_dir),
        **_read_by(run),
    )
    examples = example_gen.outputs["examples"]
    return example_gen, StatisticsGen(examples=examples)


def _of_spans(
    run: Run, plan: Any, data_path: str, serving_dir: str, kept_below: str
) -> tuple[Any, Any]:
    """Returns what reads spans, and what computes their statistics, each once."""
    assert run.data.spans
    store = f"{kept_below}/spans" if kept_below else ""
    span_examples = SpanExamples(
        plan=plan,
        path=data_path,
        store=store,
        target=run.data.target,
        time_column=run.data.spans.column,
        held_out=run.evaluation.held_out,
        erasure=erasure_of(run, serving_dir),
        **_read_by(run),
    )
    examples = span_examples.outputs["examples"]
    return span_examples, SpanStatistics(examples=examples, store=store)


def _read_by(run: Run) -> dict[str, str]:
    """Returns the reader of a run, and its options as JSON."""
    reader, options = reader_of(run.data, run)
    return {"reader": reader, "options": json.dumps(options, sort_keys=True)}
