"""What is mended of TFX's specification for Kubeflow."""

import importlib.util
from typing import Any

from shardline.pipeline.platforms.mending import (
    begin_empty,
    mend_conditions,
    never_cache,
)


def _spec(inputs: dict[str, tuple[str, str]], condition: str) -> dict[str, Any]:
    task = {
        "inputs": {
            "artifacts": {
                name: {
                    "taskOutputArtifact": {
                        "producerTask": producer,
                        "outputArtifactKey": key,
                    }
                }
                for name, (producer, key) in inputs.items()
            }
        },
        "triggerPolicy": {"condition": condition},
        "cachingOptions": {"enableCache": True},
    }
    return {"root": {"dag": {"tasks": {"Trainer": task, "Planner": {}}}}}


def _condition(spec: dict[str, Any]) -> str:
    told: str = spec["root"]["dag"]["tasks"]["Trainer"]["triggerPolicy"]["condition"]
    return told


def test_condition_names_the_input_under_which_the_artifact_comes() -> None:
    spec = _spec(
        {"plan": ("Planner", "plan"), "examples": ("Gen", "examples")},
        "(inputs.artifacts['_Planner.plan'].artifacts[0].metadata['due'] == 1.0)",
    )

    mend_conditions(spec)

    told = "(inputs.artifacts['plan'].artifacts[0].metadata['due'] == 1.0)"
    assert _condition(spec) == told


def test_condition_stays_where_the_artifact_has_no_other_use() -> None:
    told = "(inputs.artifacts['_Planner.plan'].artifacts[0].metadata['due'] == 1.0)"
    spec = _spec({"_Planner.plan": ("Planner", "plan")}, told)

    mend_conditions(spec)

    assert _condition(spec) == told


def test_named_components_run_each_time() -> None:
    spec = _spec({}, "true")

    never_cache(spec, {"Planner", "Absent"})

    tasks = spec["root"]["dag"]["tasks"]
    assert tasks["Planner"]["cachingOptions"] == {"enableCache": False}
    assert tasks["Trainer"]["cachingOptions"] == {"enableCache": True}


def test_containers_run_a_module_that_is_there() -> None:
    tfx = ["python", "-m", "tfx.orchestration.kubeflow.v2.container"]
    spec = {"deploymentSpec": {"executors": {"Gen": {"container": {"command": tfx}}}}}

    begin_empty(spec)

    *python, module = spec["deploymentSpec"]["executors"]["Gen"]["container"]["command"]
    assert python == ["python", "-m"]
    assert importlib.util.find_spec(module)
