"""The driver does what the platforms do, shown with containers that import nothing.

Planner says whether something is due, by a parameter of the run. If so, Trainer runs,
and Pusher behind it.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

containers = load("platform/containers.py")
platforms = load("platform/platforms.py")
Driver = load("platform/driver.py").Driver

pytestmark = pytest.mark.orchestration

_REPORTS = """
import json, os, signal, sys
asked, made = json.loads(sys.argv[1]), sys.argv[2]
told = asked["inputs"].get("parameterValues", {})
is_second = os.path.exists(made)
os.makedirs(made, exist_ok=True)
print("to", made, flush=True)
if told.get("fails"):
    raise SystemExit("the reason")
if told.get("hangs") and not is_second:
    signal.pause()
outputs, taken = asked["outputs"], asked["inputs"].get("artifacts", {}).values()
metadata = {
    "due": told.get("due", 0),
    "files": ",".join(os.listdir()),
    "names": ",".join(one["artifacts"][0]["name"] for one in taken),
    "told": json.dumps(told),
    "user": os.environ.get("USER", ""),
}
report = {key: {"artifacts": [{"metadata": metadata}]} for key in outputs["artifacts"]}
os.makedirs(os.path.dirname(outputs["outputFile"]), exist_ok=True)
json.dump({"artifacts": report}, open(outputs["outputFile"], "w"))
"""
_DUE = "(inputs.artifacts['plan'].artifacts[0].metadata['due'] == 1.0)"
_KIND = {
    "artifactType": {"instanceSchema": "title: shardline.SpanPlan\ntype: object\n"}
}
_PLAN = {"taskOutputArtifact": {"producerTask": "Planner", "outputArtifactKey": "plan"}}


def _job(root: Path, **values: float) -> dict[str, Any]:
    """Returns a job of three tasks, and the values that the run is given."""
    command = ["python", "-c", _REPORTS, "{{$}}", "{{$.outputs.artifacts['made'].uri}}"]
    container = {"container": {"command": command[:3], "args": command[3:]}}
    numbers = {"parameters": {"due": {"parameterType": "NUMBER_INTEGER"}}}
    constants = {
        name: {name: {"runtimeValue": {"constant": values.pop(name, 0.0)}}}
        for name in ("fails", "hangs")
    }
    due = {"due": {"componentInputParameter": "due"}}
    tasks = {
        "Planner": {"inputs": {"parameters": due | constants["fails"]}},
        "Trainer": {
            "inputs": {"artifacts": {"plan": _PLAN}, "parameters": constants["hangs"]},
            "triggerPolicy": {"condition": _DUE},
        },
        "Pusher": {"dependentTasks": ["Trainer"]},
    }
    components = {
        name: {
            "executorLabel": "executor",
            "inputDefinitions": numbers,
            "outputDefinitions": {"artifacts": {key: _KIND, "made": _KIND}},
        }
        for name, key in (("Planner", "plan"), ("Trainer", "model"), ("Pusher", "push"))
    }
    spec = {
        "root": {
            "dag": {
                "tasks": {
                    name: task | {"componentRef": {"name": name}}
                    for name, task in tasks.items()
                }
            },
            "inputDefinitions": {
                "parameters": {
                    "due": {"parameterType": "NUMBER_INTEGER", "defaultValue": 1.0}
                }
            },
        },
        "components": components,
        "deploymentSpec": {"executors": {"executor": container}},
    }
    config = {"gcsOutputDirectory": f"{root}/", "parameterValues": values}
    return {"pipelineSpec": spec, "runtimeConfig": config}


@pytest.fixture(params=[platforms.Vertex, platforms.Kubeflow])
def platform(request: pytest.FixtureRequest) -> Any:
    """One of the two."""
    return request.param()


def test_tasks_run_in_their_order_with_what_those_before_made(
    platform: Any, tmp_path: Path
) -> None:
    driver = Driver(_job(tmp_path / "root"), platform, tmp_path / "disks")

    execution = driver.run("first")

    assert list(execution.outputs) == ["Planner", "Trainer", "Pusher"]
    assert execution.skipped == set()
    trained = execution.metadata("Trainer", "model")
    assert trained["names"] == execution.outputs["Planner"]["plan"].name != ""
    assert (trained["files"], trained["user"]) == ("", "")
    told = json.loads(execution.metadata("Planner", "plan")["told"])
    assert repr(told["due"]) == "1"
    made = execution.outputs["Planner"]["made"].uri
    assert made.startswith(f"{tmp_path}/root/")
    log = (tmp_path / "disks" / "first-Planner" / "log").read_text()
    assert log == f"to {made}\n"


def test_nothing_runs_behind_a_condition_that_does_not_hold(
    platform: Any, tmp_path: Path
) -> None:
    driver = Driver(_job(tmp_path / "root", due=0.0), platform, tmp_path / "disks")

    execution = driver.run("first")

    assert list(execution.outputs) == ["Planner"]
    assert execution.skipped == {"Trainer", "Pusher"}


def test_killed_task_is_started_again_with_the_same_outputs(
    platform: Any, tmp_path: Path
) -> None:
    job = _job(tmp_path / "root", hangs=1.0)
    driver = Driver(job, platform, tmp_path / "disks")
    printed: list[str] = []

    execution = driver.run("first", {"Trainer": lambda line: not printed.append(line)})

    assert execution.killed == {"Trainer"}
    assert printed == [f"to {execution.outputs['Trainer']['made'].uri}\n"]


def test_task_that_fails_ends_the_run_with_its_words(
    platform: Any, tmp_path: Path
) -> None:
    driver = Driver(_job(tmp_path / "root", fails=1.0), platform, tmp_path / "disks")

    with pytest.raises(containers.StepError, match="the reason"):
        driver.run("first")

    assert not (tmp_path / "disks" / "first-Trainer").exists()
