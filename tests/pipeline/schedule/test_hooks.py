"""Commands that are called after a run: what they get, and that they do no harm."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from shardline.pipeline.schedule import hooks
from shardline.pipeline.schedule.clock import Clock

pytestmark = pytest.mark.orchestration


def call(command: list[str], log: Path, clock: Clock | None = None) -> str:
    facts = {"SHARDLINE_EVENT": "success", "SHARDLINE_FAILURE": "a b; $(c)"}
    return hooks.call(command, facts, log, clock or Clock())


def test_command_gets_facts_and_prints_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("of the run\n")
    script = 'echo "$SHARDLINE_EVENT $SHARDLINE_FAILURE $1" >&2'

    assert call(["sh", "-c", script, "sh", "*"], log) == ""

    assert log.read_text() == "of the run\nsuccess a b; $(c) *\n"
    assert "SHARDLINE_EVENT" not in os.environ


@pytest.mark.parametrize(
    ("command", "trouble"),
    [
        (["sh", "-c", "exit 3"], "sh ended with exit code 3"),
        (["sh", "-c", "kill -SEGV $$"], "sh was ended by SIGSEGV"),
        (["/absent/program"], "/absent/program cannot be started: "),
        (["/"], "/ cannot be started: "),
        (["a\0b"], "cannot be started: "),
    ],
)
def test_command_that_fails_is_told(
    command: list[str], trouble: str, tmp_path: Path
) -> None:
    assert trouble in call(command, tmp_path / "log")


def test_command_that_takes_long_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "LIMIT_S", 3.0)
    log = tmp_path / "log"

    trouble = call(["sh", "-c", "sleep 300 & echo $!; wait"], log)

    assert trouble.startswith("sh was ended, for it took ")
    assert _is_gone(int(log.read_text()))


def test_stop_of_the_scheduler_leaves_the_command_a_little_time(
    tmp_path: Path,
) -> None:
    clock = Clock()
    clock._stop(signal.SIGTERM, None)
    log = tmp_path / "log"

    assert call(["sh", "-c", "sleep 0.5; echo told"], log, clock) == ""

    assert log.read_text() == "told\n"


def test_stop_of_the_scheduler_ends_a_command_that_takes_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "LIMIT_OF_STOP_S", 0.5)
    clock = Clock()

    def stop() -> None:
        time.sleep(0.5)
        clock._stop(signal.SIGTERM, None)

    threading.Thread(target=stop).start()

    trouble = call(["sleep", "300"], tmp_path / "log", clock)

    assert trouble == "sleep was ended, for the scheduler stops"


def test_signal_ends_a_wait_and_is_told_in_the_end() -> None:
    code = (
        "import os, signal\n"
        "from shardline.pipeline.schedule.clock import Clock\n"
        "clock = Clock()\n"
        "try:\n"
        "    with clock.stops_at_signals():\n"
        "        signal.setitimer(signal.ITIMER_REAL, 0)\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        clock.wait(300)\n"
        "        print(clock.stopped_by)\n"
        "except KeyboardInterrupt as interruption:\n"
        "    print(interruption)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert ended.stdout == "SIGTERM\nSIGTERM\n"


def _is_gone(process: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{process}/stat").read_text().split()[2]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
