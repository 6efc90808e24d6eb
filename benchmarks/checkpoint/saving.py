"""Full sets: beside the disk, in training, and beside rivals on the same tables."""

import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.bars import Bar, at_least, at_most
from benchmarks.checkpoint.session import ORBAX_PYTHON, SETS, run
from benchmarks.serving.session import Outcome, Section, table_of

OURS, TENSORFLOW, ASYNC, ORBAX = (
    "Shardline",
    "tf.train.Checkpoint",
    "tf.train.Checkpoint, async",
    "Orbax",
)
_SAVES = 2  # that are measured, of each program in each round
_FOLDER = SETS / "saving"

# By program, what each of its processes said.
Found = dict[str, list[dict[str, Any]]]


def _programs(folder: Path) -> dict[str, Callable[[], Any]]:
    """Returns what runs each program."""
    saves = folder, str(_SAVES)
    stock = "tensorflow_saves"
    return {
        OURS: lambda: run("saving/ours", "our_saves", *saves),
        TENSORFLOW: lambda: run("saving/tensorflow", stock, *saves),
        ASYNC: lambda: run("saving/tensorflow async", stock, *saves, "--async"),
        ORBAX: lambda: run("saving/orbax", "orbax_saves", *saves, python=ORBAX_PYTHON),
    }


def _measure(rounds: int) -> Outcome:
    found: Found = {}
    programs = _programs(_FOLDER)
    try:
        for number in range(rounds):
            names = list(programs)
            for name in names if number % 2 == 0 else reversed(names):
                shutil.rmtree(_FOLDER, ignore_errors=True)
                found.setdefault(name, []).append(programs[name]())
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)
    versions = {
        name: version
        for said in found.values()
        for name, version in said[-1].pop("versions").items()
    }
    return Outcome({}, {"saving": found}, versions)


def median_of(
    said: list[dict[str, Any]], kind: str, value: Callable[[dict[str, float]], float]
) -> float:
    """Returns the median over all processes of a number of each save or restore.

    Args:
        said: by the processes of one program.
        kind: "saves", "restores", "training" or "idle".
        value: makes the number of what is known of one.
    """
    return statistics.median(value(one) for each in said for one in each[kind])


def numbers(outcome: Outcome, program: str) -> dict[str, float]:
    """Returns what the table and the picture show of a program, seconds and bytes."""
    said = outcome.found["saving"][program]
    saves = "training" if program == OURS else "saves"
    durable = "seconds" if program == OURS else "synced_s"
    return {
        "pause_s": median_of(said, saves, lambda one: one["pause_s"]),
        "complete_s": median_of(said, saves, lambda one: one["seconds"]),
        "durable_s": median_of(said, saves, lambda one: one[durable]),
        "bytes": said[0]["bytes"],
        "extra_bytes": max(each["extra_bytes"] for each in said),
        "restore_s": median_of(said, "restores", lambda one: one["restore_s"]),
    }


def _bars(outcome: Outcome) -> list[Bar]:
    said = outcome.found["saving"][OURS]
    speed = median_of(said, "idle", lambda one: one["disk_s"] / one["seconds"])
    pause = median_of(said, "training", lambda one: one["pause_s"] / one["seconds"])
    extra = max(each["extra_bytes"] / each["table_bytes"] for each in said)
    return [
        at_least("save of 2 GB, speed / the disk's synced write", speed, 0.8),
        at_most("pause of training / duration of the save", pause * 100, 1.2, "%"),
        at_most(
            "extra memory of a save / bytes of tables and slots", extra * 100, 10, "%"
        ),
    ]


def _table(outcome: Outcome) -> str:
    said = outcome.found["saving"][OURS]
    shown = {name: numbers(outcome, name) for name in outcome.found["saving"]}
    rows = [
        [
            name,
            f"{of['pause_s'] * 1e3:,.1f} ms",
            f"{of['complete_s']:.2f} s",
            f"{of['durable_s']:.2f} s",
            f"{of['bytes'] / 1e9:.2f} GB",
            f"{of['extra_bytes'] / 1e6:,.0f} MB",
            f"{of['restore_s']:.2f} s",
        ]
        for name, of in shown.items()
    ]
    idle_s = median_of(said, "idle", lambda one: one["seconds"])
    disk_s = median_of(said, "idle", lambda one: one["disk_s"])
    slower = median_of(said, "training", lambda one: one["slower"])
    blocked_s = median_of(said, "training", lambda one: one["blocked_s"])
    header = ["program", "pause", "complete", "durable", "bytes", "extra memory"]
    return "\n\n".join(
        [
            table_of([*header, "restore"], rows),
            f"With no training beside it a set of ours takes {idle_s:.2f} s until it "
            f"is durable, and the disk's write of as many bytes {disk_s:.2f} s. In "
            f"training, `save` itself returns after {blocked_s * 1e3:.1f} ms, and a "
            f"step takes {slower:.2f} times as long while a set is written.",
        ]
    )


SECTION = Section("2 GB of tables and accumulators", _measure, _bars, _table)
