"""TF_CONFIG, the variable that tells a process of a TensorFlow cluster its place in it.

Checks the whole text and reports all its faults at once. Opens no connection.
"""

import json
import os
from typing import Any, NamedTuple

from shardline.embedding.cluster.liveness import split_address

_JOBS = ("chief", "worker")
_EXAMPLE = (
    '{"cluster": {"chief": ["10.0.0.1:2222"], "worker": ["10.0.0.2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class TaskConfig(NamedTuple):
    """What TF_CONFIG says.

    Attributes:
        chief: "name:port" of the task that runs the steps.
        workers: "name:port" of each host, host 0 first.
        task_type: "chief" or "worker", what this process is.
        task_index: which of them.
    """

    chief: str
    workers: tuple[str, ...]
    task_type: str
    task_index: int


def read_tf_config(text: str | None = None) -> TaskConfig:
    """Reads and checks a TF_CONFIG.

    Args:
        text: JSON; default, the environment variable.

    Raises:
        ValueError: if it is not set, no JSON, or not of the form expected; names all
            faults.
    """
    if text is None:
        text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        raise ValueError(
            "TF_CONFIG is not set. Set it to the cluster and the task of this process, "
            f"such as {_EXAMPLE}."
        )
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"TF_CONFIG is not JSON: {error}. Expected such as {_EXAMPLE}."
        ) from error
    faults = _faults(config)
    if faults:
        raise ValueError(
            f"TF_CONFIG: {'; '.join(faults)}. Expected such as {_EXAMPLE}."
        )
    jobs, task = config["cluster"], config["task"]
    return TaskConfig(
        jobs["chief"][0], tuple(jobs["worker"]), task["type"], task["index"]
    )


def tf_config_text(config: TaskConfig) -> str:
    """Returns the TF_CONFIG from which `read_tf_config` reads this."""
    jobs = {"chief": [config.chief], "worker": list(config.workers)}
    task = {"type": config.task_type, "index": config.task_index}
    return json.dumps({"cluster": jobs, "task": task})


def _faults(config: Any) -> list[str]:
    """Returns everything that is wrong with a TF_CONFIG."""
    if not isinstance(config, dict):
        return [f"it is a {type(config).__name__}, not an object"]
    jobs, task = config.get("cluster"), config.get("task")
    return [*_cluster_faults(jobs), *_task_faults(task, jobs)]


def _cluster_faults(jobs: Any) -> list[str]:
    if not isinstance(jobs, dict):
        return [f"'cluster' must be an object of jobs, got {jobs!r}"]
    faults = [
        f"'cluster' has a job {job!r}, which no task here does; known are chief, worker"
        for job in sorted(jobs.keys() - set(_JOBS))
    ]
    addresses = []
    for job in _JOBS:
        tasks = jobs.get(job)
        if not isinstance(tasks, list) or not tasks:
            faults.append(f"'cluster.{job}' must be a list of addresses, got {tasks!r}")
            continue
        addresses += tasks
        faults += filter(None, (_address_fault(job, address) for address in tasks))
        if job == "chief" and len(tasks) > 1:
            faults.append(f"'cluster.chief' must name one task, got {len(tasks)}")
    twice = sorted({str(a) for a in addresses if addresses.count(a) > 1})
    return faults + [f"address {address!r} is given twice" for address in twice]


def _address_fault(job: str, address: Any) -> str | None:
    if not isinstance(address, str):
        return f"'cluster.{job}' has {address!r}, which is no text 'name:port'"
    try:
        split_address(address)
    except ValueError as error:
        return f"'cluster.{job}': {str(error).rstrip('.')}"
    return None


def _task_faults(task: Any, jobs: Any) -> list[str]:
    if not isinstance(task, dict):
        return [f"'task' must be an object with type and index, got {task!r}"]
    kind, index = task.get("type"), task.get("index")
    faults = []
    if kind not in _JOBS:
        faults.append(f"'task.type' must be 'chief' or 'worker', got {kind!r}")
    # A bool is an int, but no index.
    if type(index) is not int or index < 0:
        faults.append(f"'task.index' must be an int from 0, got {index!r}")
    elif not faults and isinstance(jobs, dict):
        tasks = jobs.get(kind)
        if isinstance(tasks, list) and index >= len(tasks):
            faults.append(
                f"'task.index' is {index}, but the job {kind!r} has {len(tasks)} tasks"
            )
    return faults
