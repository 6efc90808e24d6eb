"""Processes that end with the one that started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shardline.embedding.cluster import bound_process

pytestmark = pytest.mark.timeout(300)

PARENT = f"""
import sys, time
sys.path.insert(0, {str(Path(bound_process.__file__).parent)!r})
import os
from bound_process import start_bound
child = start_bound([sys.executable, "-S", "-c", "import time; time.sleep(600)"], {{}})
print(child.pid, flush=True)
time.sleep(600)
"""


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def await_command(pid):
    """Waits until a process has become its command."""
    while True:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        # While one program takes the place of another there is no line at all.
        if line and b"bound_process.py" not in line:
            return
        time.sleep(0.02)


def await_end(pid):
    deadline_s = time.monotonic() + 120
    while is_alive(pid):
        assert time.monotonic() < deadline_s, f"process {pid} lives on"
        time.sleep(0.02)


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_process_is_killed_with_its_parent(stopped):
    parent = subprocess.Popen(
        [sys.executable, "-S", "-c", PARENT], stdout=subprocess.PIPE, text=True
    )
    pid = None
    try:
        pid = int(parent.stdout.readline())
        await_command(pid)
        if stopped:
            os.kill(pid, signal.SIGSTOP)
        parent.kill()
        await_end(pid)
    finally:
        parent.kill()
        parent.communicate(timeout=120)
        if pid is not None and is_alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_process_whose_parent_is_gone_does_not_run_its_command(tmp_path):
    told = tmp_path / "told"
    command = [sys.executable, "-c", f"open({str(told)!r}, 'w')"]
    no_parent = "1"
    subprocess.run(
        [sys.executable, "-I", "-S", bound_process.__file__, no_parent, *command],
        check=True,
        timeout=120,
    )
    assert not told.exists()


def test_process_has_the_command_the_environment_and_a_session_of_its_own(tmp_path):
    told = tmp_path / "told"
    program = "import os; print(os.environ['WORD'], os.getsid(0), file=open({!r}, 'w'))"
    process = bound_process.start_bound(
        [sys.executable, "-c", program.format(str(told))], {"WORD": "so"}
    )
    assert process.wait(30) == 0
    assert told.read_text() == f"so {process.pid}\n"
