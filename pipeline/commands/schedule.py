"""`shardline schedule`: runs that start by themselves, and what people do about it."""

import contextlib
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
from rich.table import Table

from shardline.components.folders.lock import LockError, holder_of
from shardline.configs import ConfigError, load_run
from shardline.configs.yaml_file import read_yaml
from shardline.pipeline.commands import remote_schedule
from shardline.pipeline.commands.console import console, fail, failing_on, print_line
from shardline.pipeline.commands.options import (
    Configuration,
    DryRun,
    OutputDir,
    PrintJson,
    Runner,
)
from shardline.pipeline.run_folder import OutputError, RunFolder, run_folder_of
from shardline.pipeline.schedule.clock import Clock
from shardline.pipeline.schedule.folder import ScheduleFolder, ScheduleStateError
from shardline.pipeline.schedule.holding import SchedulerHeldError, scheduler_lock
from shardline.pipeline.schedule.scheduler import Scheduler
from shardline.pipeline.schedule.start import PastRun
from shardline.pipeline.schedule.status import Status, status_of
from shardline.pipeline.schedule.told import clock_time
from shardline.pipeline.schedule.watched_config import WatchedConfig
from shardline.pipeline.terminal.escaping import print_json
from shardline.pipeline.terminal.tables import print_table

_START = "start"
_Times = Callable[[datetime], str]
_Starter = Annotated[
    str,
    typer.Option(
        "--runner",
        help="Who starts the runs: local, a command of this machine; kubeflow; vertex.",
    ),
]


class _WithDefault(typer.core.TyperGroup):
    """Commands, of which `start` need not be named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Names it where no command is named."""
        if args and args[0] not in (*self.commands, "--help"):
            args = [_START, *args]
        return super().parse_args(ctx, args)


schedule = typer.Typer(
    cls=_WithDefault,
    no_args_is_help=True,
    help="Start runs by the section `schedule` of CONFIG: shardline schedule CONFIG. "
    "See, pause and trigger them.",
)


@schedule.command(_START)
def start(
    config: Configuration,
    output_dir: OutputDir = None,
    runner: _Starter = remote_schedule.LOCAL,
    dry_run: DryRun = False,
) -> None:
    """Start runs when they are due, until Ctrl-C or SIGTERM.

    `shardline schedule CONFIG` is the same. What was due while no scheduler
    ran is made up for as `schedule.missed` says.

    With another runner the platform starts them, and the command ends at once;
    run it again to change what is scheduled there.
    """
    if _is_remote(runner, output_dir):
        remote_schedule.set_schedule(config, runner, dry_run=dry_run)
        return
    if dry_run:
        fail(ValueError("--dry-run is for platforms: add --runner."))
    with _failing():
        watched = WatchedConfig(config)
        run_folder = run_folder_of(load_run(config).name, output_dir)
        folder = ScheduleFolder(run_folder)
        folder.make()
        clock = Clock()
        with scheduler_lock(folder, run_folder.root), clock.stops_at_signals():
            Scheduler(watched, run_folder, clock, print_line).run()


@schedule.command()
def status(
    config: Configuration,
    output_dir: OutputDir = None,
    runs: Annotated[
        int, typer.Option(min=1, help="How many of the last runs to show.")
    ] = 10,
    as_json: PrintJson = False,
    runner: _Starter = remote_schedule.LOCAL,
) -> None:
    """Say when the next run starts, what goes on, and what came of the last runs.

    Of another runner: when it starts runs, and whether it is paused.
    """
    if _is_remote(runner, output_dir):
        remote_schedule.show(config, runner, as_json=as_json)
        return
    with _failing():
        run_folder = _run_folder(config, output_dir)
        found = status_of(config, run_folder, _now(), runs)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    time = _times_of(config)
    for line in _lines(found, time):
        print_line(line, "red" if line == found.fault else None)
    if found.runs:
        print_table(_table(found.runs, time), console)


@schedule.command()
def pause(
    config: Configuration,
    output_dir: OutputDir = None,
    runner: _Starter = remote_schedule.LOCAL,
) -> None:
    """Start nothing that is due, until `resume`; a run that goes on is not ended."""
    if _is_remote(runner, output_dir):
        remote_schedule.pause(config, runner)
        return
    with _failing():
        folder = ScheduleFolder(_run_folder(config, output_dir))
        if since := folder.paused_since():
            print_line(f"Paused already, since {_times_of(config)(since)}")
            return
        folder.make()
        folder.pause(_now())
    print_line("Paused: what is due from now on is left out until `schedule resume`")
    _tell_if_nobody_schedules(folder)


@schedule.command()
def resume(
    config: Configuration,
    output_dir: OutputDir = None,
    runner: _Starter = remote_schedule.LOCAL,
) -> None:
    """Start again what is due; what was due while it was paused is left out."""
    if _is_remote(runner, output_dir):
        remote_schedule.resume(config, runner)
        return
    with _failing():
        run_folder = _run_folder(config, output_dir)
        folder = ScheduleFolder(run_folder)
        if folder.paused_since() is None:
            print_line("Not paused")
            return
        # A scheduler that runs leaves out by itself what is due meanwhile.
        with contextlib.suppress(SchedulerHeldError):
            with scheduler_lock(folder, run_folder.root):
                if state := folder.state():
                    folder.save(state.model_copy(update={"seen_until": _now()}))
        folder.resume()
        state = folder.state()
    print_line("Resumed. What was due while it was paused is left out")
    if state and state.waiting:
        due = _times_of(config)(state.waiting.start.due)
        print_line(f"The start due at {due} comes again, for {state.waiting.why}")
    _tell_if_nobody_schedules(folder)


@schedule.command()
def delete(config: Configuration, runner: Runner) -> None:
    """Remove a schedule from a platform; a run that goes on is not ended."""
    remote_schedule.delete(config, runner)


@schedule.command()
def trigger(config: Configuration, output_dir: OutputDir = None) -> None:
    """Start a run now, also while the schedule is paused."""
    with _failing():
        folder = ScheduleFolder(_run_folder(config, output_dir))
        if at := folder.triggered_at():
            print_line(f"A run is asked for already, since {_times_of(config)(at)}")
        else:
            folder.make()
            folder.trigger(_now())
        state, holder = folder.state(), holder_of(folder.lock_file)
    if holder is None:
        command = ["shardline", "schedule", str(config)]
        command += ["--output-dir", str(output_dir)] if output_dir else []
        print_line(
            f"No scheduler runs on {folder.path.parent}. The run starts as soon as one "
            f"does: {shlex.join(command)}"
        )
    elif state and state.running:
        print_line(
            f"A run goes on since {_times_of(config)(state.running.started)}. "
            "The next one starts once it has ended"
        )
    else:
        print_line("A run starts within seconds")


def _is_remote(runner: str, output_dir: Path | None) -> bool:
    """Tells whether a platform is asked, which has no run folder."""
    if runner == remote_schedule.LOCAL:
        return False
    if output_dir is not None:
        fail(ValueError(f"--output-dir is for this machine, not for {runner}."))
    return True


def _run_folder(config: Path, output_dir: Path | None) -> RunFolder:
    """Returns the run folder, also by a configuration that has become faulty."""
    if output_dir is not None:
        return run_folder_of("", output_dir)
    try:
        return run_folder_of(load_run(config).name, None)
    except ConfigError:
        name = read_yaml(config).values.get("name")
        if not isinstance(name, str):
            raise
        return run_folder_of(name, None)


def _tell_if_nobody_schedules(folder: ScheduleFolder) -> None:
    if holder_of(folder.lock_file) is None:
        print_line(f"No scheduler runs on {folder.path.parent}, so nothing starts")


def _lines(found: Status, time: _Times) -> Iterator[str]:
    if found.rhythm:
        yield f"Schedule: {found.rhythm}, into {found.run_folder}"
    if found.fault:
        yield found.fault
    if found.scheduler:
        yield f"Scheduler: {found.scheduler}"
    else:
        yield "Scheduler: none runs, so nothing starts"
    if found.paused_since:
        yield f"Paused since {time(found.paused_since)}"
    if found.triggered_at:
        yield f"Asked for at {time(found.triggered_at)}, not begun"
    if running := found.running:
        goes_on = "Running" if found.scheduler else "Running when it was killed:"
        yield (
            f"{goes_on} since {time(running.started)}, due at "
            f"{time(running.start.due)}, log {running.log}"
        )
    if waiting := found.waiting:
        yield (
            f"Waiting: the start due at {time(waiting.start.due)} comes again at "
            f"{time(waiting.at)}, for {waiting.why}"
        )
    if found.next_due and found.scheduler and not found.paused_since:
        yield f"Next start: due at {time(found.next_due)}"


def _now() -> datetime:
    return datetime.now(UTC)


def _times_of(config: Path) -> _Times:
    """Returns what shows times: by the schedule's clocks, else by the machine's."""
    try:
        schedule = WatchedConfig(config).schedule
    except ConfigError:
        return lambda time: f"{time.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    return lambda time: clock_time(time, schedule)


def _table(runs: tuple[PastRun, ...], time: _Times) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("Started", "Due", "Took", "Try", "Outcome", "Version", "Spans"):
        table.add_column(name, no_wrap=True)
    table.add_column("Why")
    for run in runs:
        table.add_row(
            time(run.started),
            time(run.start.due),
            f"{(run.ended - run.started).total_seconds():.0f} s",
            str(run.start.attempt),
            run.outcome if run.exit_code is None else f"{run.outcome} {run.exit_code}",
            run.version,
            ", ".join(run.spans),
            run.failure.split("\n")[0],
        )
    return table


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    """Ends the command with the message of what is wrong, without a trace."""
    with failing_on(ConfigError, LockError, OSError, OutputError, ScheduleStateError):
        yield
