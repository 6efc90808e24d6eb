"""Mends what TFX writes of a pipeline for Kubeflow, and cannot be told otherwise.

A condition names an artifact by the key under which TFX would hand it to a component
that has no other use of it. A component that takes it as an input of its own gets it
under the name of that input only, and the condition would find nothing (TFX 1.21).

A container that was killed is started again with the outputs it had, and TFX's own
module would write into what is left of them.

And TFX caches all steps of a pipeline or none, by their inputs. A step that looks at
what no input tells, such as the versions that are published, must run each time.
"""

from collections.abc import Collection
from typing import Any

from shardline.pipeline.platforms import container


def mend_conditions(spec: dict[str, Any]) -> None:
    """Has conditions name artifacts as the inputs of their own task do.

    Args:
        spec: the pipeline specification, changed in place.
    """
    for task in _tasks(spec).values():
        artifacts = task.get("inputs", {}).get("artifacts", {})
        trigger = task.get("triggerPolicy", {})
        for name, artifact in artifacts.items():
            source = artifact.get("taskOutputArtifact")
            if source and "condition" in trigger:
                implied = f"_{source['producerTask']}.{source['outputArtifactKey']}"
                trigger["condition"] = trigger["condition"].replace(
                    f"artifacts['{implied}']", f"artifacts['{name}']"
                )


def begin_empty(spec: dict[str, Any]) -> None:
    """Has containers run TFX's module by one that empties the outputs before.

    Args:
        spec: the pipeline specification, changed in place.
    """
    for executor in spec["deploymentSpec"]["executors"].values():
        executor["container"]["command"] = ["python", "-m", container.MODULE]


def never_cache(spec: dict[str, Any], components: Collection[str]) -> None:
    """Has components run each time.

    Args:
        spec: the pipeline specification, changed in place.
        components: their ids; those that the pipeline lacks do not matter.
    """
    for name, task in _tasks(spec).items():
        if name in components:
            task["cachingOptions"] = {"enableCache": False}


def _tasks(spec: dict[str, Any]) -> dict[str, Any]:
    tasks: dict[str, Any] = spec["root"]["dag"]["tasks"]
    return tasks
