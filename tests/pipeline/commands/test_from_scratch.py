"""A model from scratch is what the pipeline's own training makes of the same data."""

from typing import Any

import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from shardline.components.contracts.spans.plan import Base
from shardline.configs import load_run
from shardline.configs.schema import Run
from shardline.embedding import configure_logical_hosts
from shardline.pipeline.commands.from_scratch import train_from_scratch
from shardline.pipeline.commands.span_results import SpanResult
from shardline.pipeline.metadata.records import RecordedExecution, executions_of
from shardline.pipeline.metadata.store import sqlite_connection
from shardline.pipeline.names import pipeline_name
from shardline.pipeline.run_folder import RunFolder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(finished_run: Any) -> Run:
    run = load_run(finished_run.config)
    configure_logical_hosts(run.training.hosts)
    return run


def newest(run: Run, output_dir: Any, component: str) -> RecordedExecution:
    connection = sqlite_connection(RunFolder(output_dir).metadata)
    return executions_of(connection, pipeline_name(run.name), component)[-1]


@pytest.fixture(scope="module")
def result(run: Run, finished_run: Any) -> SpanResult:
    """The finished run as if it had been one in spans."""
    outputs = newest(run, finished_run.output_dir, "FeatureTransform").outputs
    base = Base(
        checkpoint="",
        vocabularies="",
        transform_graph=outputs["transform_graph"].uri,
        steps=120,
        spans=(),
    )
    empty: dict[str, float] = {}
    return SpanResult(
        *("1998-01", "1998-02", "1", base, 120),
        *(empty, empty, empty, empty),
        outputs["transformed_examples"],
    )


def test_model_is_that_of_the_pipeline_on_the_same_span(
    run: Run, finished_run: Any, result: SpanResult
) -> None:
    metrics, steps = train_from_scratch(run, [result])

    trained = newest(run, finished_run.output_dir, "Trainer")
    recorded = trained.outputs["checkpoint"].properties
    assert steps == recorded["steps"] == 120
    assert metrics["auc"] == pytest.approx(recorded["auc"], abs=1e-6)


def test_all_spans_are_trained_on(run: Run, result: SpanResult) -> None:
    training = run.training.model_copy(update={"steps": None, "epochs": 1})
    of_epoch = run.model_copy(update={"training": training})
    files = tf.io.gfile.glob(
        f"{result.examples.for_tfx(standard_artifacts.Examples).uri}/Split-train/*"
    )
    examples = sum(1 for _ in tf.data.TFRecordDataset(files, "GZIP"))

    _, steps = train_from_scratch(of_epoch, [result, result])

    assert steps == 2 * examples // training.batch_size
