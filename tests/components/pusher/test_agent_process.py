"""An agent as a process: it looks, waits, goes on, and ends when it is told to."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shardline.components.pusher.agent import run_agent
from shardline.components.pusher.stores.stores import open_store

ROOT = Path(__file__).parents[3]


def test_agent_waits_longer_after_each_look_that_failed(
    publish_chain, serving, target, monkeypatch
) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 5:
            publish_chain(1)
        if len(waits) == 6:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("shardline.components.pusher.agent.time.sleep", wait)

    assert run_agent(open_store(serving), open_store(target), every_s=10)

    assert waits == [20, 40, 60, 60, 60, 10]


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_agent_runs_until_it_is_told_to_end(
    publish_chain, serving, target, number
) -> None:
    publish_chain(1)
    command = Path(sys.executable).with_name("shardline")
    process = subprocess.Popen(
        [str(command), "agent", str(serving), str(target), "--every=0.1"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(target / "1000", process)
        publish_chain(1)
        wait_for(target / "1001", process)
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()

    assert process.returncode == 0
    assert "stays at version 1001" in " ".join(told.split())
    left = sorted(p.name for p in target.iterdir())
    assert left == [".lock", "1000", "1001"]


def test_agent_needs_neither_tensorflow_nor_tfx(publish_chain, serving, target) -> None:
    publish_chain(2)
    program = (
        "import sys\n"
        "from shardline.pipeline.commands.app import app\n"
        "app(['agent', *sys.argv[1:], '--once'], standalone_mode=False)\n"
        "heavy = {'tensorflow', 'tfx', 'apache_beam', 'keras'}\n"
        "sys.exit(', '.join(heavy & sys.modules.keys()) or 0)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(serving), str(target)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert (target / "1001").is_dir()
