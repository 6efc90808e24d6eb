"""Starts a pipeline process, follows its events, and shows its progress.

A terminal shows the seconds of the current component; elsewhere a line is printed at
least every ten seconds. The output of the process goes to the log file, and with
`verbose` to the console as well.
"""

import dataclasses
import datetime
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from shardline.components.execution.exit_status import exit_code_of_end, how_ended
from shardline.components.folders.lock import FolderLock
from shardline.components.folders.scratch import scratch_folder
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.runners.events import Event, read_events
from shardline.pipeline.runners.interruption import END_WITHIN_S, exit_code_of
from shardline.pipeline.runners.passing import CAN_PASS, exit_code_can_pass
from shardline.pipeline.runners.result import RunResult
from shardline.pipeline.terminal.escaping import escaped_log
from shardline.pipeline.terminal.tables import print_table

_STARTING = "Starting"
_HEARTBEAT_S = 10.0


@dataclasses.dataclass
class _Follower:
    """Shows events, and the time that passes between them."""

    console: Console
    status: Status | None
    started_s: float = dataclasses.field(default_factory=time.monotonic)
    component: str = _STARTING
    component_started_s: float = dataclasses.field(default_factory=time.monotonic)
    last_line_s: float = dataclasses.field(default_factory=time.monotonic)
    failure: str = ""
    summary: dict[str, str] = dataclasses.field(default_factory=dict)
    result: dict[str, Any] = dataclasses.field(default_factory=dict)
    reused: list[str] = dataclasses.field(default_factory=list)

    def follow(self, event: Event) -> None:
        """Shows one event."""
        match event.kind:
            case "began":
                self._line(f"[bold]{escape(event.text)}[/]")
            case "started":
                self.component = event.component
                self.component_started_s = time.monotonic()
            case "finished":
                self._finished(event)
            case "progress":
                self._line(f"  [dim]{self.component}: {escape(event.text)}[/]")
            case "failed":
                self.failure, self.result = event.text, event.result
            case "summary":
                self.summary, self.result = event.values, event.result
        self.refresh()

    def refresh(self) -> None:
        """Shows how long the current component has run."""
        seconds = time.monotonic() - self.component_started_s
        if self.status:
            self.status.update(f"{self.component} ({seconds:.0f} s)")
        elif time.monotonic() - self.last_line_s > _HEARTBEAT_S:
            self._line(f"  {self.component} ... {seconds:.0f} s")

    @property
    def where(self) -> str:
        """How far the run has come, in words."""
        if self.component == _STARTING:
            return "before the first component"
        return f"in {self.component}"

    def _finished(self, event: Event) -> None:
        seconds = time.monotonic() - self.component_started_s
        if event.text == "reused":
            self.reused.append(event.component)
        marks = {"done": "[green]done[/]", "reused": "[cyan]reused[/]"}
        mark = marks.get(event.text, f"[red]{event.text}[/]")
        self._line(f"{event.component:<18} {mark:<18} {seconds:6.1f} s")

    def _line(self, text: str) -> None:
        self.last_line_s = time.monotonic()
        self.console.print(text, highlight=False, soft_wrap=True)


def run_in_process(
    config: Path,
    run_folder: RunFolder,
    lock: FolderLock,
    console: Console,
    arguments: Sequence[str] = (),
    *,
    verbose: bool = False,
) -> RunResult:
    """Runs a pipeline in a process of its own, and shows its progress and summary.

    Args:
        config: the run's configuration file.
        run_folder: where outputs go; its folders exist.
        lock: the lock of the run folder, which the process will hold, too.
        console: where progress and summary are shown.
        arguments: more of the command line of `pipeline.runners.local`.
        verbose: whether to show the log as well.

    Returns:
        What came of it; its exit code is 0 when every component came to its end and the
        model was published.
    """
    log_path = run_folder.logs / f"{datetime.datetime.now():%Y%m%d-%H%M%S.%f}.log"
    console.print(
        f"Running {config} into {_from_here(str(run_folder.root))}, "
        f"log {_from_here(str(log_path))}",
        soft_wrap=True,
        markup=False,
    )
    command = [
        sys.executable,
        "-P",
        "-m",
        "shardline.pipeline.runners.local",
        str(config),
    ]
    command += ["--output-dir", str(run_folder.root), *arguments]
    interruption = 0
    status = console.status("Starting") if console.is_terminal and not verbose else None
    follower = _Follower(console, status)
    if status:
        status.start()
    try:
        # Beam and TensorFlow leave temporary files behind.
        with scratch_folder(run_folder.root) as scratch:
            returncode = _follow(command, log_path, follower, verbose, scratch, lock)
    except KeyboardInterrupt as signalled:
        interruption = exit_code_of(signalled)
    finally:
        if status:
            status.stop()
    if interruption:
        _say_interrupted(follower, log_path)
        return RunResult(
            interruption, f"Interrupted {follower.where}", log=str(log_path)
        )
    return _conclude(follower, returncode, log_path)


def _follow(
    command: list[str],
    log_path: Path,
    follower: _Follower,
    verbose: bool,
    scratch: Path,
    lock: FolderLock,
) -> int:
    """Starts the process and follows it; returns its exit code."""
    read_end, write_end = os.pipe()
    with escaped_log(log_path, is_shown=verbose) as log:
        process = subprocess.Popen(
            [*command, "--lock", str(lock.descriptor), "--events", str(write_end)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[write_end, lock.descriptor],
            env={**os.environ, "TMPDIR": str(scratch)},
        )
        os.close(write_end)
        try:
            for event in _with_heartbeat(read_end):
                if event:
                    follower.follow(event)
                else:
                    follower.refresh()
            return process.wait()
        except BaseException:
            process.terminate()
            try:
                process.wait(END_WITHIN_S)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                process.kill()
                process.wait()
            raise


def _with_heartbeat(read_end: int) -> Iterator[Event | None]:
    """Yields events as they come, and None every second without one."""
    events: queue.Queue[Event | None] = queue.Queue()
    threading.Thread(target=_read_into, args=(events, read_end), daemon=True).start()
    while True:
        try:
            event = events.get(timeout=1.0)
        except queue.Empty:
            yield None
            continue
        if event is None:
            return
        yield event


def _read_into(events: "queue.Queue[Event | None]", read_end: int) -> None:
    """Reads events until the writing side is gone; the last one is always None."""
    try:
        with os.fdopen(read_end) as file:
            for event in read_events(file):
                events.put(event)
    finally:
        events.put(None)


def _say_interrupted(follower: _Follower, log_path: Path) -> None:
    seconds = time.monotonic() - follower.started_s
    follower.console.print(
        f"Interrupted {follower.where} after {seconds:.0f} s. What was done "
        "before is kept: run the same command again to go on from there. "
        f"The log is {_from_here(str(log_path))}",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )


def _conclude(follower: _Follower, returncode: int, log_path: Path) -> RunResult:
    console = follower.console
    facts = follower.result | {"spans": tuple(follower.result.get("spans", ()))}
    seconds = time.monotonic() - follower.started_s
    if returncode != 0 or not follower.summary:
        reason = follower.failure or _without_error(returncode)
        console.print(f"Failed {follower.where} after {seconds:.0f} s:", style="red")
        console.print(reason, highlight=False, markup=False, soft_wrap=True)
        console.print(
            f"The log is {_from_here(str(log_path))}", soft_wrap=True, markup=False
        )
        can_pass = returncode < 0 and exit_code_can_pass(returncode)
        code = CAN_PASS if can_pass else exit_code_of_end(returncode) or 1
        return RunResult(code, reason, **facts, log=str(log_path))
    table = Table(title=f"Finished in {seconds:.0f} s", title_justify="left")
    table.add_column("What", no_wrap=True)
    table.add_column("Value")
    for name, value in follower.summary.items():
        table.add_row(name, escape(_from_here(value)))
    table.add_row("Log", escape(_from_here(str(log_path))))
    if follower.reused:
        table.add_row("Reused", ", ".join(follower.reused))
    print_table(table, console)
    return RunResult(0, **facts, log=str(log_path))


def _without_error(returncode: int) -> str:
    """Returns what is known of a process that ended and told no error."""
    return (
        f"the process {how_ended(returncode)}. What was done before is kept: run the "
        "same command again to go on from there."
    )


def _from_here(value: str) -> str:
    """Returns a path below the current folder as relative to it, others unchanged."""
    return value.removeprefix(f"{Path.cwd()}{os.sep}")
