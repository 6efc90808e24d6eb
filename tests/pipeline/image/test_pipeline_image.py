"""The image of pipelines: built, sound for any user, and a step of a pipeline in it."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shardline.components.contracts.data_card import load_data_card
from shardline.pipeline.commands.app import app

pytestmark = [
    pytest.mark.orchestration,
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # for the build, where other tests run beside it
]

# How much memory and disk there is, and which processor, is not the image's doing.
_OF_THE_MACHINE = {"memory", "disk", "processor"}
_ANYONE = "23456:0"


@pytest.fixture
def writable(tmp_path: Path) -> Path:
    """A folder that the users of group 0 can write to."""
    folder = tmp_path / "out"
    folder.mkdir()
    folder.chmod(0o775)
    return folder


def test_image_is_sound_and_runs_a_step(
    unpacked: Callable[[str, str], Any],
    small_config: Callable[..., Path],
    movielens_zip: Path,
    writable: Path,
    subtests: pytest.Subtests,
) -> None:
    """One test, so that one process builds the image once."""
    image = unpacked("image", "shardline")
    with subtests.test("doctor finds nothing for any user"):
        check_doctor(image)
    with subtests.test("user is not root and can change no program"):
        check_user(image)
    with subtests.test("step of a specification runs"):
        shutil.copy(movielens_zip, writable / "ml-100k.zip")
        check_step(image, compiled(small_config(), writable), writable)


def check_doctor(image: Any) -> None:
    done = image.run("doctor", user=_ANYONE)

    assert done.returncode == 0, done.stdout
    rows = dict(re.findall(r"│ (\w+) +│ (\w+)", done.stdout))
    assert {rows[name] for name in rows.keys() - _OF_THE_MACHINE} == {"ok"}, done.stdout
    assert "native" in done.stdout
    assert "none, and the native kernels are built" in done.stdout


def check_user(image: Any) -> None:
    script = """
        id -u; ls -A; touch here && echo written
        touch "$(command -v shardline)" 2> /dev/null || echo refused
        command -v g++ uv || echo neither
    """

    done = image.run(command=("sh", "-c", script))

    assert done.stdout.split() == ["10001", "written", "refused", "neither"]


def check_step(image: Any, job: dict[str, Any], writable: Path) -> None:
    container, asked = step(job["pipelineSpec"], "ReaderExampleGen", "/out/examples")
    arguments = [part.replace("{{$}}", json.dumps(asked)) for part in container["args"]]

    done = image.run(
        *arguments, command=tuple(container["command"]), volumes={writable: "/out"}
    )

    assert done.returncode == 0, done.stdout[-3000:]
    told = json.loads((writable / "executor_output.json").read_text())
    (artifact,) = told["artifacts"]["examples"]["artifacts"]
    assert artifact["uri"] == "/out/examples"
    card = load_data_card(str(writable / "examples"))
    assert card
    assert card.examples["train"] > card.examples["eval"] > 0


def compiled(config: Path, folder: Path) -> dict[str, Any]:
    """Returns the job that `shardline compile` writes for data in /out."""
    output = folder / "job.json"
    options = {
        "runner": "kubeflow",
        "pipeline-root": "/out/root",
        "serving-dir": "/out/serving",
        "data-path": "/out/ml-100k.zip",
        "image": "localhost/shardline",
        "output": str(output),
    }
    told = [f"--{name}={value}" for name, value in options.items()]
    result = CliRunner().invoke(app, ["compile", str(config), *told])
    assert result.exit_code == 0, result.output
    return json.loads(output.read_text())


def step(
    spec: dict[str, Any], task: str, uri: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the container of a first step, and what a platform tells it."""
    component = spec["components"][task]
    given = spec["root"]["dag"]["tasks"][task]["inputs"]["parameters"]
    ((output, declared),) = component["outputDefinitions"]["artifacts"].items()
    artifact = {"name": "1", "uri": uri, "type": declared["artifactType"]}
    executors = spec["deploymentSpec"]["executors"]
    return executors[component["executorLabel"]]["container"], {
        "inputs": {
            "parameterValues": {
                name: value["runtimeValue"]["constant"] for name, value in given.items()
            }
        },
        "outputs": {
            "artifacts": {output: {"artifacts": [artifact]}},
            "outputFile": "/out/executor_output.json",
        },
    }
