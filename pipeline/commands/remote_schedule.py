"""What `shardline schedule` does with `--runner`: schedules that a platform keeps."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shardline.configs import load_run
from shardline.configs.schedule import Schedule
from shardline.pipeline.commands.console import (
    console,
    failing_on,
    load,
    print_line,
)
from shardline.pipeline.commands.platform_failures import failing_on_platform
from shardline.pipeline.names import pipeline_name
from shardline.pipeline.platforms.errors import PlatformError
from shardline.pipeline.platforms.remote import RemotePlatform, RemoteSchedule
from shardline.pipeline.platforms.runners import platform_runner
from shardline.pipeline.platforms.submission import packed, remote_platform
from shardline.pipeline.platforms.target import target_of
from shardline.pipeline.terminal.escaping import print_json
from shardline.pipeline.terminal.native_output import stderr_held_back

LOCAL = "local"
# What platforms have no counterpart of.
_LEFT_OUT = ("retries", "deadline", "on_success", "on_failure", "on_late")


def set_schedule(config: Path, runner: str, *, dry_run: bool) -> None:
    """Has a platform start runs from now on; ends the command if it does not.

    Args:
        config: the file of the configuration.
        runner: the name of the platform.
        dry_run: whether the request is printed, and not sent.
    """
    with failing_on(ValueError):
        name = platform_runner(runner, LOCAL)
    run = load(config, load_run)
    with failing_on_platform(), tempfile.TemporaryDirectory() as folder:
        target = target_of(run, name, {}, config)
        platform = remote_platform(run, name, config, schedules=True)
        with console.status("Compiling"), stderr_held_back():
            package = packed(run, target, Path(folder), config)
        if dry_run:
            print_line(platform.schedule_request(package).text)
            return
        with console.status("Scheduling"):
            schedule = platform.set_schedule(package)
    print_line(f"{package.pipeline} starts by {schedule.when}: {schedule.url}")
    if schedule.is_paused:
        print_line("It is paused, as it was; `schedule resume` starts it")
    if run.schedule and (left := _left_out(run.schedule)):
        print_line(f"Of section `schedule`, the platform does not keep {left}")


def show(config: Path, runner: str, *, as_json: bool) -> None:
    """Prints what a platform has of the schedule of a run.

    Args:
        config: the file of the configuration.
        runner: the name of the platform.
        as_json: whether programs are to read it.
    """
    with _found(config, runner) as (_, schedule):
        if as_json:
            print_json(
                {
                    "id": schedule.id,
                    "when": schedule.when,
                    "paused": schedule.is_paused,
                    "url": schedule.url,
                }
            )
            return
        print_line(f"Starts by {schedule.when}: {schedule.url}")
        print_line("Paused" if schedule.is_paused else "Not paused")


def pause(config: Path, runner: str) -> None:
    """Has a platform start nothing until `resume`.

    Args:
        config: the file of the configuration.
        runner: the name of the platform.
    """
    with _found(config, runner) as (platform, schedule):
        if not schedule.is_paused:
            platform.pause(schedule)
    print_line("Paused; a run that goes on is not ended")


def resume(config: Path, runner: str) -> None:
    """Has a platform start runs again.

    Args:
        config: the file of the configuration.
        runner: the name of the platform.
    """
    with _found(config, runner) as (platform, schedule):
        if schedule.is_paused:
            platform.resume(schedule)
    print_line("Resumed")


def delete(config: Path, runner: str) -> None:
    """Removes the schedule of a run from a platform.

    Args:
        config: the file of the configuration.
        runner: the name of the platform.
    """
    with _found(config, runner) as (platform, schedule):
        platform.delete(schedule)
    print_line("Deleted; a run that goes on is not ended")


@contextlib.contextmanager
def _found(
    config: Path, runner: str
) -> Iterator[tuple[RemotePlatform, RemoteSchedule]]:
    """Yields a platform, and its schedule of a run; without, the command ends."""
    with failing_on(ValueError):
        name = platform_runner(runner, LOCAL)
    run = load(config, load_run)
    with failing_on_platform():
        platform = remote_platform(run, name, config, schedules=False)
        schedule = platform.schedule(pipeline_name(run.name))
        if schedule is None:
            raise PlatformError(
                f"{name} has no schedule of {pipeline_name(run.name)}. Make it: "
                f"shardline schedule {config} --runner {name}"
            )
        yield platform, schedule


def _left_out(schedule: Schedule) -> str:
    return ", ".join(
        f"`{key}`" for key in _LEFT_OUT if key in schedule.model_fields_set
    )
