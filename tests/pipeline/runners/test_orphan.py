"""A pipeline process whose command was killed ends, and says who holds the lock."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import os, signal, sys, time
from shardline.pipeline.runners import orphan
orphan.END_WITHIN_S = 0.5
if sys.argv[2] == "stuck":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
told = lambda: open(sys.argv[3], "w").close()
orphan.end_when_orphaned(int(sys.argv[1]), told)
print("started", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("mood", "ended_by"), [("well", signal.SIGTERM), ("stuck", signal.SIGKILL)]
)
def test_process_ends_once_nobody_reads_its_events(
    mood: str, ended_by: int, tmp_path: Path
) -> None:
    read_end, write_end = os.pipe()
    told = tmp_path / "told"
    command = [sys.executable, "-c", PROGRAM, str(write_end), mood, str(told)]
    with subprocess.Popen(
        command, pass_fds=[write_end], stdout=subprocess.PIPE, text=True
    ) as process:
        os.close(write_end)
        assert process.stdout.readline() == "started\n"
        time.sleep(0.3)
        assert process.poll() is None
        assert not told.exists()

        os.close(read_end)

        assert process.wait(120) == -ended_by
    assert told.exists()
