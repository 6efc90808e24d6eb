"""What a pipeline is compiled for: a platform, and what is told of it.

All of it is checked before anything is compiled, and each fault has its line.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from shardline.configs.components import DEFAULT, ComponentId
from shardline.configs.fault import ConfigError, Fault
from shardline.configs.load import with_lines
from shardline.configs.locations import is_remote
from shardline.configs.platform import PART, Platform
from shardline.configs.resources import Resources
from shardline.configs.schema import Run
from shardline.configs.shown import quoted
from shardline.pipeline.platforms import kubeflow_rules, vertex_rules
from shardline.pipeline.platforms.placement_rules import placement_faults
from shardline.pipeline.platforms.runners import PlatformRunner

_RULES = {"kubeflow": kubeflow_rules.faults, "vertex": vertex_rules.faults}


@dataclasses.dataclass(frozen=True)
class Target:
    """Where and as what a pipeline runs.

    Attributes:
        runner: the platform.
        image: the container image that has Shardline installed.
        pipeline_root: where the platform keeps artifacts.
        serving_dir: where models are published.
        data_path: where containers find the raw data.
        platform: all that the configuration says of platforms.
        resources: what steps need, by component; those that need nothing are absent.
    """

    runner: PlatformRunner
    image: str
    pipeline_root: str
    serving_dir: str
    data_path: str
    platform: Platform
    resources: Mapping[str, Resources]


def target_of(
    run: Run,
    runner: PlatformRunner,
    given: Mapping[str, str | None],
    config: Path | None = None,
) -> Target:
    """Returns what a run is compiled for.

    Args:
        run: the configuration.
        runner: the platform.
        given: by key of section `platform`, what goes before it; None for nothing.
        config: the file of the configuration, for the lines of faults.

    Raises:
        ConfigError: if something is missing, or the platform does not take it.
    """
    platform = _platform(run, given)
    resources: dict[str, Resources] = {
        component: _resources(run, component)
        for component in run.components
        if {DEFAULT, component} & set(run.resources)
    }
    faults = [
        *_missing(platform, given),
        *_RULES[runner](platform, resources),
        *placement_faults(run.training, runner, resources),
    ]
    if faults:
        raise ConfigError(*with_lines(config, faults))
    return Target(
        runner,
        platform.image or "",
        platform.pipeline_root or "",
        platform.serving_dir or "",
        platform.data_path or "",
        platform,
        resources,
    )


def _resources(run: Run, component: ComponentId) -> Resources:
    default = run.resources.get(DEFAULT, Resources())
    return run.resources.get(component, Resources()).over(default)


def _platform(run: Run, given: Mapping[str, str | None]) -> Platform:
    """Returns the section with options of the command, and what else is known, in it.

    Data in an object store are found by the location that the run has.
    """
    platform, path = run.platform, run.data.path
    if platform.data_path is None and path and is_remote(path):
        platform = platform.model_copy(update={"data_path": path})
    options = {key: value for key, value in given.items() if value is not None}
    try:
        checked = Platform.model_validate(options)
    except ValidationError as error:
        raise ConfigError(
            *(
                Fault(
                    (), f"{e['msg']}, got {quoted(e['input'])}", who=_option(e["loc"])
                )
                for e in error.errors()
            )
        ) from error
    return platform.model_copy(update={key: getattr(checked, key) for key in options})


def _option(location: tuple[int | str, ...]) -> str:
    return f"--{str(location[0]).replace('_', '-')}"


def _missing(platform: Platform, given: Mapping[str, str | None]) -> Iterator[Fault]:
    for key in ("image", "pipeline_root", "serving_dir", "data_path"):
        if getattr(platform, key) is None:
            option = f", or {_option((key,))}" if key in given else ""
            yield PART.fault(f"`{key}` is missing", f"give it{option}")
