"""A run that was killed goes on when it is started again, wherever it was."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from shardline_tests import load

from shardline.pipeline.run_folder import RunFolder

stopped_run = load("pipeline/test_stopped_run.py")
pytestmark = pytest.mark.slow
_TIME_LIMIT_S = 60
# In turn: what is killed once a line begins so, and what is being done then.
KILLS = [
    ("all processes", "  Starting: loading", "Starting"),
    ("command", "ReaderSchemaGen", "FeatureTransform"),
    ("pipeline process", "FeatureTransform", "StatisticsGen"),
    ("all processes", "  Trainer: ", "Trainer"),
    ("all processes", "Exporter", "Evaluator"),
    ("command", "ServingValidator", "Pusher"),
]


def kill_a_run(what: str, where: str, config: Path, output_dir: Path) -> list[str]:
    """Kills a run, or a part of it, once it prints a line; returns what it printed."""
    lines: list[str] = []
    with subprocess.Popen(
        [stopped_run.SHARDLINE, "run", config, "--output-dir", output_dir],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as command:
        for line in command.stdout:
            lines.append(line)
            if where and line.startswith(where):
                where = ""
                kill(what, command.pid)
        assert command.wait(_TIME_LIMIT_S) != 0, "".join(lines)
    assert where == "", "".join(lines)
    deadline = time.monotonic() + _TIME_LIMIT_S
    while stopped_run.processes_with(str(output_dir)):
        assert time.monotonic() < deadline, "a process of the run goes on"
        time.sleep(0.1)
    return lines


def kill(what: str, command: int) -> None:
    match what:
        case "command":
            os.kill(command, signal.SIGKILL)
        case "all processes":
            os.killpg(command, signal.SIGKILL)
        case "pipeline process":
            children = Path(f"/proc/{command}/task/{command}/children").read_text()
            os.kill(int(children.split()[0]), signal.SIGKILL)


def outputs_of_nobody(output_dir: Path) -> list[Path]:
    """The outputs that ML Metadata does not know, and what is half made."""
    with contextlib.closing(sqlite3.connect(output_dir / "metadata.sqlite")) as store:
        known = {uri for (uri,) in store.execute("SELECT uri FROM Artifact")}
    folders = output_dir.glob("artifacts/*/[a-z]*/*")
    unknown = [
        folder
        for folder in folders
        if str(folder) not in known and folder.parent.name not in ("counts", "sets")
    ]
    half_made = [
        path
        for pattern in (
            ".shardline-scratch-*",
            "artifacts/*/.system/*/*/*",
            "artifacts/*/.system/stateful_working_dir/*",
            "artifacts/*/counts/*.*",
            "serving/.incoming-*",
        )
        for path in output_dir.glob(pattern)
    ]
    return unknown + half_made


def test_run_goes_on_after_each_kill(
    shardline: Callable[..., Any], small_config: Callable[..., Path], tmp_path: Path
) -> None:
    config, output_dir = small_config(), tmp_path / "run"
    done: set[str] = set()
    killed_in = ""
    for what, where, component in KILLS:
        lines = kill_a_run(what, where, config, output_dir)

        ended = {line.split()[0]: line.split()[1] for line in lines if line[0] != " "}
        # What was done before is reused, and nothing but that.
        assert {one: ended.get(one) for one in done} == dict.fromkeys(done, "reused")
        done |= {one for one, how in ended.items() if how == "done"}
        assert component not in done
        told = [line for line in lines if " was running since 20" in line]
        assert all(killed_in in line for line in told)
        killed_in = component

    finished = shardline("run", config, "--output-dir", output_dir)

    assert finished.returncode == 0, finished.text
    assert {finished.components[one] for one in done} == {"reused"}
    assert finished.components["Pusher"] == "done"
    assert outputs_of_nobody(output_dir) == []
    with contextlib.closing(sqlite3.connect(output_dir / "metadata.sqlite")) as store:
        states = store.execute("SELECT last_known_state FROM Execution").fetchall()
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert (mlmd.Execution.RUNNING,) not in states
    with RunFolder(output_dir).held():
        pass
