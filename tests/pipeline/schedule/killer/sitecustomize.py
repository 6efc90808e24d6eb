"""Kills a run, its command or its scheduler while a component runs that a test names.

Or stops the scheduler, by SIGTERM.

Python imports this module first of all where a test puts its folder on the path, and
sets where the plan of kills is. Each line of the plan is a number of runs in spans that
are done, a component, and what is killed when that component runs then.
"""

import json
import os
import signal
import threading
import time
from pathlib import Path

PLAN, RUN_FOLDER = "SHARDLINE_TEST_KILLS", "SHARDLINE_TEST_RUN_FOLDER"


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def done(folder: Path) -> int:
    """How many runs in spans are done."""
    try:
        return len(json.loads((folder / "serving" / "spans.json").read_text())["runs"])
    except FileNotFoundError:
        return 0


def planned(plan: Path, folder: Path, component: str) -> str:
    """What is to be killed now, and is taken from the plan; "" for nothing."""
    lines = plan.read_text().splitlines()
    for line in lines:
        number, where, what = line.split()
        if (int(number), where) == (done(folder), component):
            lines.remove(line)
            plan.write_text("".join(f"{left}\n" for left in lines))
            return what
    return ""


def executions(folder: Path, component: str) -> set[Path]:
    """The folders that TFX makes, one right before each execution."""
    return set(folder.glob(f"artifacts/{component}/.system/executor_execution/*"))


def kill(what: str, folder: Path, component: str, before: set[Path]) -> None:
    """Waits until the component is about to be executed, and kills."""
    while executions(folder, component) <= before:
        time.sleep(0.001)
    run = os.getppid()
    if what == "stop":
        os.kill(parent_of(run), signal.SIGTERM)
        return
    process = {"pipeline": os.getpid(), "run": run, "scheduler": parent_of(run)}[what]
    os.kill(process, signal.SIGKILL)


def watch() -> None:
    from shardline.pipeline.runners.events import Event, EventWriter

    plan, folder = Path(os.environ[PLAN]), Path(os.environ[RUN_FOLDER])
    send = EventWriter.send

    def send_and_kill(writer: EventWriter, event: Event) -> None:
        if event.kind == "started" and (what := planned(plan, folder, event.component)):
            before = executions(folder, event.component)
            arguments = what, folder, event.component, before
            threading.Thread(target=kill, args=arguments, daemon=True).start()
        send(writer, event)

    EventWriter.send = send_and_kill  # type: ignore[method-assign]


if PLAN in os.environ:
    watch()
