"""The Kubeflow specification: read by Kubeflow's own SDK, its steps run from it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import Result
from google.protobuf import json_format
from kfp.components import load_component_from_text
from kfp.pipeline_spec import pipeline_spec_pb2
from shardline_tests import load
from typer.testing import CliRunner

from shardline import configs
from shardline.components.execution.in_memory_beam import IN_MEMORY_RUNNER
from shardline.pipeline.commands.app import app
from shardline.pipeline.names import pipeline_name

platform_driver = load("platform/driver.py")
platforms = load("platform/platforms.py")
NAME = re.compile("^name: .*", re.MULTILINE)


@pytest.fixture(scope="module")
def job(
    small_config: Callable[..., Path],
    movielens_zip: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What `shardline compile` writes."""
    folder = tmp_path_factory.mktemp("kubeflow")
    output = folder / "spec.json"
    result = CliRunner().invoke(
        app,
        [
            "compile",
            str(small_config()),
            "--runner=kubeflow",
            "--pipeline-root=/pipeline-root",
            f"--serving-dir={folder / 'serving'}",
            f"--data-path={movielens_zip}",
            "--image=registry/shardline:1",
            f"--output={output}",
        ],
    )
    assert result.exit_code == 0, result.output
    assert f"Wrote {output}" in result.output
    return json.loads(output.read_text())


@pytest.fixture(scope="module")
def spec(job: dict[str, Any]) -> Any:
    """The specification as Kubeflow's own message."""
    return json_format.ParseDict(job["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())


@pytest.fixture(scope="module")
def run_step(
    job: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[dict[str, Any], Path]]:
    """Runs the container of a task as the platform would, on this machine.

    Takes the input artifacts by key, each a folder and its metadata. Returns the
    metadata of the outputs that the container reports, by key, and their folder.
    """

    def run(
        task: str, inputs: dict[str, tuple[Path, dict[str, Any]]]
    ) -> tuple[dict[str, Any], Path]:
        folder = tmp_path_factory.mktemp(task)
        there = job["runtimeConfig"] | {"gcsOutputDirectory": str(folder / "root")}
        driver = platform_driver.Driver(
            job | {"runtimeConfig": there}, platforms.Vertex(), folder / "disks"
        )
        container = driver.container(
            task,
            "run",
            driver.spec.given(
                task,
                {
                    key: driver.spec.artifact(task, key, str(uri), metadata)
                    for key, (uri, metadata) in inputs.items()
                },
            ),
        )
        reported = json_format.MessageToDict(container.run())["artifacts"]
        return {
            key: artifact["artifacts"][0]["metadata"]
            for key, artifact in reported.items()
        }, Path(container.asked.outputs.output_file).parent

    return run


@pytest.mark.parametrize("name", ["two_words", "a" * 119, "a", "ends_"])
def test_name_of_any_run_is_compiled(
    small_config: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    config, output = tmp_path / "config.yaml", tmp_path / "spec.json"
    config.write_text(NAME.sub(f"name: {name}", small_config().read_text()))

    result = compiled(config, output)

    assert result.exit_code == 0, result.output
    written = json.loads(output.read_text())["pipelineSpec"]
    component = load_component_from_text(yaml.safe_dump(written))
    assert component.name == pipeline_name(name)
    is_told = f"Its pipeline is `{component.name}`" in result.output
    assert is_told is (name != "a")


@pytest.mark.orchestration
@pytest.mark.parametrize("runner", ["kubeflow", "vertex"])
@pytest.mark.parametrize("name", ["movielens", "movielens_monthly", "open_bandit"])
def test_shipped_configuration_is_compiled(
    name: str, runner: str, tmp_path: Path
) -> None:
    shipped = Path(configs.__file__).with_name(f"{name}.yaml")
    output = tmp_path / "spec.yaml"

    result = compiled(shipped, output, runner)

    assert result.exit_code == 0, result.output
    component = load_component_from_text(output.read_text())
    assert component.name == f"shardline-{name.replace('_', '-')}"


def test_folder_that_cannot_be_written_is_one_line(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()

    result = compiled(small_config(), file / "spec.json")

    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert "Traceback" not in result.output


def compiled(config: Path, output: Path, runner: str = "kubeflow") -> Result:
    """Compiles with arguments that name nothing here."""
    return CliRunner().invoke(
        app,
        [
            "compile",
            str(config),
            f"--runner={runner}",
            "--pipeline-root=gs://bucket/artifacts",
            "--serving-dir=gs://bucket/serving",
            "--data-path=gs://bucket/data",
            "--image=registry/shardline:1",
            f"--output={output}",
        ],
    )


def test_specification_is_one_of_schema_2_1(spec: Any) -> None:
    assert spec.schema_version == "2.1.0"
    assert spec.pipeline_info.name == "shardline-small"


def test_every_task_refers_to_what_is_there(spec: Any) -> None:
    tasks = spec.root.dag.tasks
    executors = json_format.MessageToDict(spec.deployment_spec)["executors"]

    assert {"ReaderExampleGen", "Trainer", "Exporter", "Pusher"} <= set(tasks)
    for name, task in tasks.items():
        component = spec.components[task.component_ref.name]
        assert component.executor_label in executors, name
        for key, given in task.inputs.artifacts.items():
            producer = given.task_output_artifact.producer_task
            output = given.task_output_artifact.output_artifact_key
            made = spec.components[tasks[producer].component_ref.name]
            assert output in made.output_definitions.artifacts, (name, key)
            assert key in component.input_definitions.artifacts, (name, key)


def test_every_container_uses_the_image(job: dict[str, Any]) -> None:
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]

    images = {e["container"]["image"] for e in executors.values() if "container" in e}
    assert images == {"registry/shardline:1"}


@pytest.mark.parametrize(
    "task", ["ReaderExampleGen", "FeatureTransform", "StatisticsGen", "Evaluator"]
)
def test_beam_of_every_component_runs_in_memory(task: str, job: dict[str, Any]) -> None:
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]

    (container,) = [
        e["container"] for name, e in executors.items() if name.startswith(task)
    ]
    assert f"--runner={IN_MEMORY_RUNNER}" in container["args"]


@pytest.mark.parametrize(
    ("component", "output", "title"),
    [
        ("Trainer", "checkpoint", "shardline.HostShardedCheckpoint"),
        ("ServingValidator", "validation", "shardline.ServingValidation"),
    ],
)
def test_artifact_type_of_this_project_can_be_imported(
    spec: Any, component: str, output: str, title: str
) -> None:
    outputs = spec.components[component].output_definitions.artifacts
    schema = yaml.safe_load(outputs[output].artifact_type.instance_schema)

    assert schema["title"] == title


def test_sdk_loads_it_as_a_component(job: dict[str, Any]) -> None:
    component = load_component_from_text(yaml.safe_dump(job["pipelineSpec"]))

    assert component.name == "shardline-small"


def test_specification_holds_no_path_of_this_machine(job: dict[str, Any]) -> None:
    from shardline.pipeline.commands import app as cli

    project = str(Path(cli.__file__).parents[2])
    assert project not in json.dumps(job)


@pytest.mark.slow
def test_trainer_step_learns_as_the_local_run_did(
    run_step: Callable[..., Any], finished_run: Any
) -> None:
    splits = {"split_names": '["train","eval"]'}

    output, folder = run_step(
        "Trainer",
        {
            "examples": (finished_run.artifact("ReaderExampleGen", "examples"), splits),
            "transformed_examples": (
                finished_run.artifact("FeatureTransform", "transformed_examples"),
                splits,
            ),
            "transform_graph": (
                finished_run.artifact("FeatureTransform", "transform_graph"),
                {},
            ),
        },
    )

    metadata = output["checkpoint"]
    assert metadata["steps"] == 120
    assert metadata["hosts"] == 2
    auc = float(re.search(r"AUC │ ([\d.]+)", finished_run.finished.text)[1])
    assert metadata["auc"] == pytest.approx(auc, abs=0.02)
    assert len(list((folder / "checkpoint").glob("checkpoint.data-*"))) == 2
    scores = np.load(folder / "checkpoint" / "parity" / "scores.npy")
    assert scores.shape == (200,)


@pytest.mark.slow
def test_pusher_step_publishes(
    job: dict[str, Any], run_step: Callable[..., Any], finished_run: Any
) -> None:
    output, _ = run_step(
        "Pusher",
        {
            "model": (finished_run.artifact("Exporter", "model"), {}),
            "model_blessing": (
                finished_run.artifact("Evaluator", "blessing"),
                {"blessed": 1.0},
            ),
            "validation": (
                finished_run.artifact("ServingValidator", "validation"),
                {"blessed": 1.0},
            ),
        },
    )

    task = job["pipelineSpec"]["root"]["dag"]["tasks"]["Pusher"]
    serving = task["inputs"]["parameters"]["serving_dir"]["runtimeValue"]["constant"]
    (version,) = Path(serving).glob("[0-9]*")
    assert output["pushed_model"]["pushed_destination"] == str(version)
    assert (version / "saved_model.pb").is_file()
