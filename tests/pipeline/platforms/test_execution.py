"""The compiled specification, executed whole: it ends as the local run does.

A driver reads it as the platforms do. October is run as on Vertex and November as on
Kubeflow, in containers that share nothing but an object store.
"""

import dataclasses
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import yaml
from google.protobuf import json_format
from kfp.components import load_component_from_text
from kfp.pipeline_spec.pipeline_spec_pb2 import ExecutorInput, PipelineSpec
from shardline_tests import load
from typer.testing import CliRunner

from shardline.components.contracts.checkpoint_manifest import checkpoint_prefix
from shardline.components.contracts.spans.state import SpanState, load_state
from shardline.components.execution.local_copy import local_input
from shardline.components.pusher.newest_model import newest_model
from shardline.pipeline.commands.app import app

buckets_in = load("bucket/buckets.py").buckets_in
containers = load("platform/containers.py")
platforms = load("platform/platforms.py")
Driver = load("platform/driver.py").Driver

# Some 30 processes import TFX: five minutes, where nothing else runs.
pytestmark = [pytest.mark.orchestration, pytest.mark.slow, pytest.mark.timeout(3000)]

_NAME = "small_spans"
_NEW_YEAR = 883_612_800
Tensors = dict[str, tuple[str, tuple[int, ...], bytes]]


@pytest.fixture(scope="module")
def archive(movielens_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic archive as of the end of 1997: two months to train on, one more."""
    path = tmp_path_factory.mktemp("until-1997") / "ml-100k.zip"
    with zipfile.ZipFile(movielens_zip) as whole, zipfile.ZipFile(path, "w") as cut:
        for name in whole.namelist():
            lines = whole.read(name).decode().splitlines(keepends=True)
            if name.endswith(".inter"):
                time = lines[0].split().index("timestamp:float")
                lines[1:] = [
                    line for line in lines[1:] if float(line.split()[time]) < _NEW_YEAR
                ]
            cut.writestr(name, "".join(lines))
    return path


@pytest.fixture(scope="module")
def config(
    spans_config: Path,
    movielens_zip: Path,
    archive: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The configuration of months, on that archive."""
    path = tmp_path_factory.mktemp("config") / "months.yaml"
    text = spans_config.read_text()
    assert str(movielens_zip) in text
    path.write_text(text.replace(str(movielens_zip), str(archive)))
    return path


@pytest.fixture(scope="module")
def local_serving(
    config: Path,
    shardline: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """Where a local run published all that was due."""
    folder = tmp_path_factory.mktemp("local") / "run"
    finished = shardline("run", config, "--output-dir", folder)
    assert finished.returncode == 0, "\n".join(finished.lines)
    return str(folder / "serving")


@pytest.fixture(scope="module")
def buckets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An object store that this process and the containers know."""
    with buckets_in(tmp_path_factory.mktemp("buckets")) as buckets:
        yield buckets


@dataclasses.dataclass(frozen=True)
class Platform:
    """A platform on which the pipeline was run, month by month.

    Attributes:
        driver: runs it as on Vertex.
        specs: what was compiled, for Vertex and for Kubeflow.
        serving: where models are published.
        executions: of October, of November, and when nothing was due.
    """

    driver: Any
    specs: list[dict[str, Any]]
    serving: str
    executions: list[Any]


@pytest.fixture(scope="module")
def platform(
    config: Path,
    archive: Path,
    buckets: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Platform:
    """Three executions, the second of which has its Trainer killed."""
    folder = tmp_path_factory.mktemp("platform")
    data, work = buckets.new("data"), buckets.new("work")
    buckets.path(f"{data}/ml-100k.zip").write_bytes(archive.read_bytes())
    root, serving = f"{work}/root", f"{work}/serving"
    for output in ("spec.json", "spec.yaml"):
        arguments = {
            "runner": "kubeflow",
            "pipeline-root": root,
            "serving-dir": serving,
            "data-path": f"{data}/ml-100k.zip",
            "image": "registry/shardline:1",
            "output": str(folder / output),
        }
        options = [f"--{name}={value}" for name, value in arguments.items()]
        compiled = CliRunner().invoke(app, ["compile", str(config), *options])
        assert compiled.exit_code == 0, compiled.output
    job = json.loads((folder / "spec.json").read_text())
    # A specification alone says no root; whoever submits it does.
    spec = yaml.safe_load((folder / "spec.yaml").read_text())
    submitted = {"pipelineSpec": spec, "runtimeConfig": {"gcsOutputDirectory": root}}
    image = buckets.environment
    vertex = Driver(job, platforms.Vertex(), folder / "vertex", image)
    kubeflow = Driver(submitted, platforms.Kubeflow(), folder / "kubeflow", image)
    kill = {"Trainer": lambda line: "checkpoint set of step" in line}
    executions = [
        vertex.run("october"),
        kubeflow.run("november", kill),
        vertex.run("december"),
    ]
    return Platform(vertex, [job["pipelineSpec"], spec], serving, executions)


def _state(serving: str) -> SpanState:
    return load_state(serving, _NAME)


def _tensors(prefix: str) -> Tensors:
    """Returns all variables of a checkpoint, bytes and all."""
    reader = tf.train.load_checkpoint(prefix)
    return {
        key: (str(value.dtype), np.shape(value), np.asarray(value).tobytes())
        for key in reader.get_variable_to_shape_map()
        if key != "_CHECKPOINTABLE_OBJECT_GRAPH"
        for value in [reader.get_tensor(key)]
    }


def test_kubeflows_own_sdk_takes_the_specification(platform: Platform) -> None:
    for spec in platform.specs:
        parsed = json_format.ParseDict(spec, PipelineSpec())
        component = load_component_from_text(yaml.safe_dump(spec))

        assert parsed.schema_version == "2.1.0"
        assert component.name == "shardline-small-spans"


def test_months_are_trained_on_one_after_the_other(
    platform: Platform, local_serving: str
) -> None:
    runs, local = _state(platform.serving).runs, _state(local_serving).runs

    trained = [[span.span for span in run.plan.train] for run in runs]
    assert trained == [["1997-10"], ["1997-11"]]
    assert [run.verdict for run in runs] == ["published", "published"]
    assert [run.metrics for run in runs] == [run.metrics for run in local]
    assert [run.profiles for run in runs] == [run.profiles for run in local]


def test_killed_trainer_ran_again(platform: Platform) -> None:
    october, november, _ = platform.executions

    assert (october.killed, november.killed) == (set(), {"Trainer"})


@pytest.mark.parametrize("month", [0, 1])
def test_checkpoint_is_that_of_the_local_run(
    platform: Platform, local_serving: str, month: int
) -> None:
    found = []
    for serving in (platform.serving, local_serving):
        base = _state(serving).runs[month].base
        assert base
        with local_input(base.checkpoint) as folder:
            found.append(_tensors(checkpoint_prefix(folder)))

    assert any(key.startswith("embedding/movie") for key in found[1])
    assert found[0] == found[1]


def test_served_model_is_that_of_the_local_run(
    platform: Platform, local_serving: str
) -> None:
    found = []
    for serving in (platform.serving, local_serving):
        with newest_model(serving) as (_, folder):
            model = tf.saved_model.load(str(folder))
            files = {path.name: path.read_bytes() for path in folder.glob("assets/*")}
            served = _tensors(str(folder / "variables" / "variables"))
            found.append((served, files, sorted(model.signatures)))

    assert any("movie" in key for key in found[1][0])
    assert found[0] == found[1]


def test_nothing_behind_the_planner_runs_if_nothing_is_due(platform: Platform) -> None:
    october, november, december = platform.executions

    assert (october.skipped, november.skipped) == (set(), set())
    assert set(december.outputs) == {"SpanPlanner"}
    assert december.skipped == set(platform.driver.spec.tasks) - {"SpanPlanner"}
    assert december.metadata("SpanPlanner", "plan")["due"] == 0


def test_failing_step_fails_and_reports_nothing(platform: Platform) -> None:
    spec, gone = platform.driver.spec, f"{platform.serving}/gone"
    plan = spec.artifact("SpanExamples", "plan", gone, {"due": 1.0})
    inputs = spec.given("SpanExamples", {"plan": plan})
    container = platform.driver.container("SpanExamples", "failing", inputs)

    with pytest.raises(containers.StepError, match=gone) as error:
        container.run()

    assert error.value.returncode == 1
    outputs: ExecutorInput.Outputs = container.asked.outputs
    examples = outputs.artifacts["examples"].artifacts[0]
    assert not tf.io.gfile.exists(outputs.output_file)
    assert not tf.io.gfile.exists(examples.uri)
