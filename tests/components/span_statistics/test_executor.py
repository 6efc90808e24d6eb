"""Statistics of spans: computed once, and as TFX's own components take them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load
from tfx.components.example_validator.executor import Executor as ExampleValidator
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from shardline.components.execution.in_memory_beam import in_memory_pipeline
from shardline.components.readers.example_reader import Column
from shardline.components.readers.files import LostRowsError
from shardline.components.schema_gen import executor as schema_gen
from shardline.components.span_statistics.executor import Executor

stored_spans = load("components/span_examples/stored_spans.py")
FIRST_DAY, SECOND_DAY, THIRD_DAY = stored_spans.DAYS


@pytest.fixture
def runs(tmp_path: Path) -> Any:
    """Runs on three days of forty examples each."""
    stored_spans.write_days(tmp_path / "data")
    return stored_spans.Runs(tmp_path)


class Pipelines:
    """Makes pipelines, and counts them."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> Any:
        self.made += 1
        return in_memory_pipeline()


def compute(runs: Any, examples: Any, pipelines: Any = None) -> Any:
    """Runs the executor; gives the artifact of statistics."""
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = str(
        runs.folder / "SpanStatistics" / "statistics" / str(runs.number)
    )
    context = BaseBeamExecutor.Context(make_beam_pipeline_fn=pipelines or Pipelines())
    properties = {"store": "", "code_version": "1"}
    Executor(context).Do(
        {"examples": [examples]}, {"statistics": [statistics]}, properties
    )
    return statistics


def counts(statistics: Any) -> dict[str, int]:
    """Returns the number of examples that each split's statistics are of."""
    return {
        split: stats_artifact_utils.load_statistics(statistics, split)
        .proto()
        .datasets[0]
        .num_examples
        for split in json.loads(statistics.split_names)
    }


def test_each_span_is_computed_once(runs: Any) -> None:
    pipelines = Pipelines()
    first = runs.run(FIRST_DAY, evaluate=f"{SECOND_DAY}/tail")
    made = compute(runs, first, pipelines)
    assert counts(made) == {FIRST_DAY: 40, f"{SECOND_DAY}-tail": 10}
    assert made.get_string_custom_property("spans") == FIRST_DAY
    shutil.rmtree(first.uri)

    again = runs.run(f"{SECOND_DAY}/tail", evaluate=FIRST_DAY)
    assert counts(compute(runs, again, pipelines)) == {
        f"{SECOND_DAY}-tail": 10,
        FIRST_DAY: 40,
    }
    assert pipelines.made == 1
    store = runs.folder / "SpanStatistics" / "spans"
    assert len(list(store.iterdir())) == 2


def test_example_validator_takes_them(runs: Any, tmp_path: Path) -> None:
    statistics = compute(runs, runs.run(FIRST_DAY, evaluate=SECOND_DAY))
    schema, anomalies = (
        standard_artifacts.Schema(),
        standard_artifacts.ExampleAnomalies(),
    )
    schema.uri, anomalies.uri = str(tmp_path / "schema"), str(tmp_path / "anomalies")
    columns = {
        "label": Column("float"),
        "user": Column("string"),
        "tags": Column("string", ragged=True),
        "at": Column("int64"),
    }
    write = schema_gen.io_utils.write_pbtxt_file
    write(f"{schema.uri}/schema.pbtxt", schema_gen.example_schema(columns))

    ExampleValidator().Do(
        {"statistics": [statistics], "schema": [schema]}, {"anomalies": [anomalies]}, {}
    )

    blessed = anomalies.get_json_value_custom_property("blessed")
    assert blessed == {FIRST_DAY: 1, SECOND_DAY: 1}


def test_damaged_statistics_are_computed_again(
    runs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    examples = runs.run(FIRST_DAY)
    compute(runs, examples)
    (folder,) = (runs.folder / "SpanStatistics" / "spans").iterdir()
    (folder / "FeatureStats.pb").write_bytes(b"")

    assert counts(compute(runs, examples)) == {FIRST_DAY: 40}
    assert "computed again, for statistics are damaged" in caplog.text


def test_statistics_of_less_examples_than_there_are_fail(runs: Any) -> None:
    examples = runs.run(FIRST_DAY)
    next((Path(examples.uri) / "Split-train").glob("*tail*")).unlink()

    with pytest.raises((LostRowsError, OSError)):
        compute(runs, examples)
    store = runs.folder / "SpanStatistics" / "spans"
    assert not list(store.glob("*"))


def test_examples_without_spans_are_refused(runs: Any, tmp_path: Path) -> None:
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path)

    with pytest.raises(ValueError, match="says nothing of spans"):
        compute(runs, examples)
