"""The Kubeflow specification of data in spans: what runs when, and what each time."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from shardline.configs import load_run
from shardline.pipeline.platforms.runners import PLATFORM_RUNNERS
from shardline.pipeline.platforms.specification import compile_specification
from shardline.pipeline.platforms.target import target_of

GIVEN = {
    "pipeline_root": "gs://bucket/artifacts",
    "serving_dir": "gs://bucket/serving",
    "data_path": "gs://bucket/data.zip",
    "image": "registry/shardline:1",
}
EACH_TIME = {"ModelComparator", "Pusher", "SpanPlanner", "SpanRecorder"}


@pytest.fixture(
    scope="module",
    params=itertools.product(PLATFORM_RUNNERS, ("spec.json", "spec.yaml")),
)
def tasks(
    request: pytest.FixtureRequest,
    spans_config: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """The tasks of what is written, by the name of their component."""
    runner, name = request.param
    output = tmp_path_factory.mktemp(runner) / name
    run = load_run(spans_config)
    compile_specification(run, target_of(run, runner, GIVEN), output)
    text = output.read_text()
    is_json = output.suffix == ".json"
    spec = json.loads(text)["pipelineSpec"] if is_json else yaml.safe_load(text)
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    found: dict[str, Any] = spec["root"]["dag"]["tasks"]
    return found


def test_nothing_runs_behind_a_plan_without_spans(tasks: dict[str, Any]) -> None:
    assert "triggerPolicy" not in tasks["SpanPlanner"]
    for name, task in tasks.items():
        if name == "SpanPlanner":
            continue
        condition = task["triggerPolicy"]["condition"]
        assert condition.endswith(".artifacts[0].metadata['due'] == 1.0)")
        key = condition.partition("artifacts['")[2].partition("'")[0]
        plan = task["inputs"]["artifacts"][key]["taskOutputArtifact"]
        assert plan == {"producerTask": "SpanPlanner", "outputArtifactKey": "plan"}


def test_steps_that_look_at_what_no_input_tells_run_each_time(
    tasks: dict[str, Any],
) -> None:
    cached = {
        name
        for name, task in tasks.items()
        if task.get("cachingOptions", {}).get("enableCache")
    }

    assert set(tasks) - cached == EACH_TIME
