"""Compiles the pipeline of a run for Kubeflow Pipelines v2 and Vertex AI."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)

from shardline.components.checker import preflight
from shardline.components.execution.in_memory_beam import IN_MEMORY_RUNNER
from shardline.configs.fault import ConfigError, Fault
from shardline.configs.load import with_lines
from shardline.configs.platform import PART
from shardline.configs.schema import Run
from shardline.pipeline.pipeline import NEVER_REUSED, create_pipeline
from shardline.pipeline.platforms.limits import size_faults
from shardline.pipeline.platforms.mending import (
    begin_empty,
    mend_conditions,
    never_cache,
)
from shardline.pipeline.platforms.resources import kubernetes_part, resource_spec
from shardline.pipeline.platforms.target import Target

_YAML = (".yaml", ".yml")


def compile_specification(
    run: Run, target: Target, output: Path, config: Path | None = None
) -> None:
    """Writes the specification of a run's pipeline, of schema 2.1.

    A file whose name ends with `.yaml` has the specification and, for Kubeflow, what it
    says to Kubernetes; any other a job as JSON, which Vertex takes as well.

    Args:
        run: the configuration.
        target: the platform, and what is told of it.
        output: the file to write.
        config: the file of the configuration, for the lines of faults.

    Raises:
        ConfigError: if the configuration names what does not exist or does not fit.
        OSError: if the file cannot be written.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    preflight.check(run, config)
    job = _job(run, target)
    spec = job["pipelineSpec"]
    mend_conditions(spec)
    begin_empty(spec)
    never_cache(spec, NEVER_REUSED)
    kubernetes = kubernetes_part(target, spec) if target.runner == "kubeflow" else {}
    is_yaml = output.suffix in _YAML
    faults = [
        *_faults(target, output.name, is_yaml=is_yaml, kubernetes=kubernetes),
        *size_faults(spec),
    ]
    if faults:
        raise ConfigError(*with_lines(config, faults))
    if is_yaml:
        documents = [spec, kubernetes] if kubernetes else [spec]
        output.write_text(yaml.safe_dump_all(documents, sort_keys=True))
    else:
        job["labels"] = {**job.get("labels", {}), **target.platform.labels}
        output.write_text(json.dumps(job, sort_keys=True))


def _faults(
    target: Target, name: str, *, is_yaml: bool, kubernetes: dict[str, Any]
) -> Iterator[Fault]:
    """Yields what a file of this kind has no place for."""
    if kubernetes and not is_yaml:
        yield PART.fault(
            f"JSON has no place for labels, TPUs and models of GPUs of Kubeflow, and "
            f"the file is {name}",
            "let its name end with .yaml",
        )
    if target.runner == "vertex" and target.platform.labels and is_yaml:
        yield PART.fault(
            f"YAML has no place for labels of Vertex, and the file is {name}",
            "let its name end with .json",
            key="labels",
        )


def _job(run: Run, target: Target) -> dict[str, Any]:
    """Returns what TFX makes of the pipeline."""
    download = run.data.download
    pipeline = create_pipeline(
        run,
        pipeline_root=target.pipeline_root,
        data_path=target.data_path,
        data_version=download.sha256 if download else target.data_path,
        serving_dir=target.serving_dir,
        # Without a digest, new data at the same path would not be noticed; which spans
        # are there, a step of the pipeline itself looks.
        cache=download is not None or run.data.spans is not None,
        # Beam's default runner fetches a program. With an image to run in, TFX does
        # not make a package of itself for workers elsewhere.
        beam_options=[
            f"--runner={IN_MEMORY_RUNNER}",
            f"--sdk_container_image={target.image}",
        ],
    )
    for component in pipeline.components:
        if needed := resource_spec(target, component.id):
            component.with_platform_config(needed)
    runner = KubeflowV2DagRunner(
        config=KubeflowV2DagRunnerConfig(
            default_image=target.image, use_pipeline_spec_2_1=True
        )
    )
    job: dict[str, Any] = runner.run(pipeline, write_out=False)
    return job
