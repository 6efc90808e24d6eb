"""What steps need, as the SDK of Kubeflow writes it, and what Kubernetes is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.cloud.aiplatform_v1.types import AcceleratorType
from google.protobuf import json_format
from kfp import dsl
from kfp.compiler import Compiler
from kfp.components import load_component_from_file
from kfp.pipeline_spec import pipeline_spec_pb2

from shardline.configs import ConfigError, load_run
from shardline.pipeline.platforms.specification import compile_specification
from shardline.pipeline.platforms.target import target_of
from shardline.pipeline.platforms.vertex_rules import GPUS

pytestmark = pytest.mark.orchestration
TEXT = """
platform:
  image: registry/shardline:1
  pipeline_root: gs://bucket/artifacts
  serving_dir: gs://bucket/serving
  data_path: gs://bucket/data.zip
  labels: {team: reco}
resources:
  default: {cpu: 2, memory: 8Gi}
  Evaluator: {cpu: 1.5, memory: 500M, accelerator: {type: nvidia-l4, count: 2}}
"""
TPU = "  Trainer: {tpu: {type: tpu-v6e-slice, topology: 2x4}}\n"


@pytest.fixture
def compiled(small_config: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    def write(runner: str, name: str, text: str = TEXT) -> Path:
        config = small_config()
        config.write_text(config.read_text() + text)
        run = load_run(config)
        compile_specification(
            run, target_of(run, runner, {}, config), tmp_path / name, config
        )
        return tmp_path / name

    return write


def resources_of(spec: dict[str, Any], component: str) -> dict[str, Any]:
    executor = spec["deploymentSpec"]["executors"][f"{component}_executor"]
    found: dict[str, Any] = executor["container"]["resources"]
    return found


def resources_by_sdk(**needed: Any) -> dict[str, Any]:
    """Returns what the SDK writes for a step of its own with the same needs."""

    @dsl.container_component
    def step():
        return dsl.ContainerSpec(image="image")

    @dsl.pipeline(name="by-sdk")
    def pipeline() -> None:
        task = step()
        for name, value in needed.items():
            getattr(task, f"set_{name}")(value)

    spec = json_format.MessageToDict(pipeline.pipeline_spec)
    return resources_of(
        {
            "deploymentSpec": {
                "executors": {
                    "step_executor": spec["deploymentSpec"]["executors"]["exec-step"]
                }
            }
        },
        "step",
    )


def test_kubeflow_is_told_as_its_sdk_tells_it(compiled: Callable[..., Path]) -> None:
    spec = next(yaml.safe_load_all(compiled("kubeflow", "spec.yaml").read_text()))

    assert resources_of(spec, "Evaluator") == resources_by_sdk(
        cpu_limit="1.5",
        cpu_request="1.5",
        memory_limit="500M",
        memory_request="500M",
        accelerator_type="nvidia.com/gpu",
        accelerator_limit="2",
    )
    assert resources_of(spec, "Pusher") == resources_by_sdk(
        cpu_limit="2", cpu_request="2", memory_limit="8Gi", memory_request="8Gi"
    )


def test_vertex_is_told_as_the_sdk_tells_it(compiled: Callable[..., Path]) -> None:
    job = json.loads(compiled("vertex", "job.json").read_text())

    assert resources_of(job["pipelineSpec"], "Evaluator") == resources_by_sdk(
        cpu_limit="1.5",
        memory_limit="500M",
        accelerator_type="NVIDIA_L4",
        accelerator_limit="2",
    )
    assert job["labels"]["team"] == "reco"


def test_kubernetes_is_told_of_machines_and_labels(
    compiled: Callable[..., Path],
) -> None:
    component = load_component_from_file(
        str(compiled("kubeflow", "spec.yaml", TEXT + TPU))
    )

    told = json_format.MessageToDict(component.platform_spec)
    executors = told["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    labels = {"podMetadata": {"labels": {"team": "reco"}}}
    assert executors["Pusher_executor"] == labels
    assert executors["Evaluator_executor"] == labels | {
        "nodeSelector": {"labels": {"cloud.google.com/gke-accelerator": "nvidia-l4"}}
    }
    assert executors["Trainer_executor"] == labels | {
        "nodeSelector": {
            "labels": {
                "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
                "cloud.google.com/gke-tpu-topology": "2x4",
            }
        }
    }
    spec = json_format.MessageToDict(component.pipeline_spec)
    accelerator = resources_of(spec, "Trainer")["accelerator"]
    assert (accelerator["resourceType"], accelerator["resourceCount"]) == (
        "google.com/tpu",
        "8",
    )


def test_sdk_writes_again_what_it_has_read(
    compiled: Callable[..., Path], tmp_path: Path
) -> None:
    written = compiled("kubeflow", "spec.yaml", TEXT + TPU)
    again = tmp_path / "again.yaml"

    Compiler().compile(load_component_from_file(str(written)), str(again))

    for before, after, kind in zip(
        yaml.safe_load_all(written.read_text()),
        yaml.safe_load_all(again.read_text()),
        (pipeline_spec_pb2.PipelineSpec, pipeline_spec_pb2.PlatformSpec),
        strict=True,
    ):
        assert json_format.ParseDict(before, kind()) == json_format.ParseDict(
            after, kind()
        )


@pytest.mark.parametrize(
    ("runner", "name", "expected"),
    [
        ("kubeflow", "spec.json", "JSON has no place for labels, TPUs and models"),
        ("vertex", "spec.yaml", "YAML has no place for labels of Vertex"),
    ],
)
def test_file_that_cannot_hold_all_is_refused_with_the_line(
    compiled: Callable[..., Path], runner: str, name: str, expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected) as raised:
        compiled(runner, name)

    assert raised.value.faults[0].line
    assert name in str(raised.value)


def test_names_of_gpus_are_those_of_the_client_of_vertex() -> None:
    known = {kind.name for kind in AcceleratorType if kind.name.startswith("NVIDIA_")}

    assert set(GPUS) == known
