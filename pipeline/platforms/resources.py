"""What steps need, as specifications say it."""

from typing import Any

from kfp.pipeline_spec import pipeline_spec_pb2

from shardline.configs.resources import Resources, gigabytes
from shardline.pipeline.platforms.kubeflow_rules import gpu_model, gpu_resource
from shardline.pipeline.platforms.target import Target
from shardline.pipeline.platforms.vertex_rules import gpu_name

ResourceSpec = (
    pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec
)
_TPU = "google.com/tpu"
_TPU_TYPE = "cloud.google.com/gke-tpu-accelerator"
_TPU_TOPOLOGY = "cloud.google.com/gke-tpu-topology"
_GPU_MODEL = "cloud.google.com/gke-accelerator"


def resource_spec(target: Target, component: str) -> Any | None:
    """Returns what a container needs, in the words of the specification.

    Kubeflow reads the texts; Vertex and older servers of Kubeflow the numbers.

    Args:
        target: the platform, and what steps need.
        component: the id.

    Returns:
        A `ResourceSpec`; None if nothing is said of the component.
    """
    needed = target.resources.get(component)
    if needed is None:
        return None
    spec = ResourceSpec()
    is_kubeflow = target.runner == "kubeflow"
    if needed.cpu:
        spec.cpu_limit, spec.resource_cpu_limit = needed.cpu, f"{needed.cpu:g}"
        if is_kubeflow:
            spec.cpu_request, spec.resource_cpu_request = needed.cpu, f"{needed.cpu:g}"
    if needed.memory:
        amount = gigabytes(needed.memory)
        spec.memory_limit, spec.resource_memory_limit = amount, needed.memory
        if is_kubeflow:
            spec.memory_request, spec.resource_memory_request = amount, needed.memory
    if chips := _chips(needed, is_kubeflow=is_kubeflow):
        spec.accelerator.type, spec.accelerator.count = chips
        spec.accelerator.resource_type = chips[0]
        spec.accelerator.resource_count = str(chips[1])
    return spec


def _chips(needed: Resources, *, is_kubeflow: bool) -> tuple[str, int] | None:
    """Returns the kind of chips and their number."""
    if needed.tpu:
        return _TPU, needed.tpu.chips
    if needed.accelerator is None:
        return None
    of_platform = gpu_resource if is_kubeflow else gpu_name
    return of_platform(needed.accelerator), needed.accelerator.count


def kubernetes_part(target: Target, spec: dict[str, Any]) -> dict[str, Any]:
    """Returns what a specification says to Kubernetes; empty if it says nothing.

    Args:
        target: the platform, and what steps need.
        spec: the pipeline specification.
    """
    executors = {}
    for name, component in spec["components"].items():
        told: dict[str, Any] = {}
        if selector := _selector(target.resources.get(name, Resources())):
            told["nodeSelector"] = {"labels": selector}
        if target.platform.labels:
            told["podMetadata"] = {"labels": dict(target.platform.labels)}
        if told:
            executors[component["executorLabel"]] = told
    if not executors:
        return {}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def _selector(needed: Resources) -> dict[str, str]:
    """Returns the labels of the machines that a step may run on."""
    if needed.tpu:
        return {_TPU_TYPE: needed.tpu.type, _TPU_TOPOLOGY: needed.tpu.topology}
    if needed.accelerator and "/" not in needed.accelerator.type:
        return {_GPU_MODEL: gpu_model(needed.accelerator)}
    return {}
