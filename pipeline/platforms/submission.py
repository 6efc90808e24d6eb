"""Compiles a configuration to a package, and finds the platform that takes it."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from shardline.configs.fault import ConfigError
from shardline.configs.load import with_lines
from shardline.configs.platform import PART
from shardline.configs.schema import Run
from shardline.pipeline.names import pipeline_name
from shardline.pipeline.platforms.remote import Package, RemotePlatform
from shardline.pipeline.platforms.runners import PlatformRunner
from shardline.pipeline.platforms.target import Target
from shardline.pipeline.platforms.triggers import kubeflow_trigger, vertex_trigger


def remote_platform(
    run: Run, runner: PlatformRunner, config: Path, *, schedules: bool
) -> RemotePlatform:
    """Returns the platform of a configuration, and asks it nothing.

    Args:
        run: the configuration.
        runner: which platform.
        config: the file of the configuration, for the lines of faults.
        schedules: whether a schedule is to be set.

    Raises:
        ConfigError: if the configuration does not say where the platform is, or has a
            schedule that it cannot keep.
    """
    settings = getattr(run.platform, runner)
    if settings is None:
        example = {
            "kubeflow": "{host: https://HOST}",
            "vertex": "{project: ID, region: NAME}",
        }
        fault = PART.fault(f"`{runner}` is missing", f"write {example[runner]}")
        raise ConfigError(*with_lines(config, [fault]))
    # The clients take seconds to import.
    if runner == "kubeflow":
        rhythm = (
            kubeflow_trigger(run.schedule, datetime.now(UTC), config)
            if schedules
            else None
        )
        from shardline.pipeline.platforms.kubeflow import KubeflowPlatform

        return KubeflowPlatform(settings, rhythm)
    times = vertex_trigger(run.schedule, config) if schedules else None
    from shardline.pipeline.platforms.vertex import VertexPlatform, region_faults

    if faults := list(region_faults(settings)):
        raise ConfigError(*with_lines(config, faults))
    return VertexPlatform(settings, times)


def packed(run: Run, target: Target, folder: Path, config: Path) -> Package:
    """Compiles the pipeline of a run, to be sent to its platform.

    Args:
        run: the configuration.
        target: the platform, and what is told of it.
        folder: where the specification goes.
        config: the file of the configuration, for the lines of faults.

    Raises:
        ConfigError: if the configuration names what does not exist or does not fit.
        OSError: if the file cannot be written.
    """
    root = target.pipeline_root
    if root.startswith("/"):  # a specification in a file may be for another server
        fault = PART.fault(
            f"{target.runner} keeps artifacts in a bucket, and `pipeline_root` is "
            f"{root}",
            "write gs://BUCKET/FOLDER",
            key="pipeline_root",
        )
        raise ConfigError(*with_lines(config, [fault]))
    from shardline.pipeline.platforms.specification import compile_specification

    name = "job.json" if target.runner == "vertex" else "specification.yaml"
    compile_specification(run, target, folder / name, config)
    pipeline = pipeline_name(run.name)
    return Package(
        file=folder / name,
        pipeline=pipeline,
        run=f"{pipeline}-{datetime.now(UTC):%Y%m%d%H%M%S}-{secrets.token_hex(2)}",
        pipeline_root=target.pipeline_root,
        service_account=target.platform.service_account,
        labels=target.platform.labels,
    )
