"""Signals that end a command, also where Python would drop the exception."""

import signal
import subprocess
import sys
import time

import pytest

from shardline.pipeline.runners.interruption import (
    children_end_first,
    exit_code_of,
    stops_as_at_ctrl_c,
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_raises_what_tells_the_exit_code(number: int) -> None:
    with pytest.raises(KeyboardInterrupt) as raised, stops_as_at_ctrl_c():
        signal.raise_signal(number)

    assert exit_code_of(raised.value) == 128 + number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_that_comes_while_an_object_goes_is_not_lost(number: int) -> None:
    class Going:
        def __del__(self) -> None:
            signal.raise_signal(number)

    def drop_one_and_wait() -> None:
        Going()
        time.sleep(30)

    with pytest.raises(KeyboardInterrupt) as raised, stops_as_at_ctrl_c():
        drop_one_and_wait()

    assert exit_code_of(raised.value) == 128 + number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_processes_end_before_this_one(number: int) -> None:
    code = "import subprocess as s; print(s.Popen(['sleep', '600']).pid, flush=True)"
    command = [sys.executable, "-c", f"{code}; import time; time.sleep(600)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline().strip().isdigit()
        with (
            pytest.raises(KeyboardInterrupt),
            stops_as_at_ctrl_c(),
            children_end_first(),
        ):
            signal.raise_signal(number)

        # The grandchild has its output, too, until it ends.
        assert child.communicate(timeout=120) == ("", None)
        assert child.returncode == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_process_ends_although_threads_of_libraries_go_on(number: int) -> None:
    code = f"""
import signal, threading, time
from shardline.pipeline.runners.interruption import end_interrupted, stops_as_at_ctrl_c
threading.Thread(target=time.sleep, args=[60]).start()
try:
    with stops_as_at_ctrl_c():
        signal.raise_signal({int(number)})
except KeyboardInterrupt as signalled:
    print("a line")
    end_interrupted(signalled)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )

    assert (ended.returncode, ended.stdout) == (128 + number, "a line\n")
    assert ended.stderr == ""


def test_what_was_before_is_restored() -> None:
    numbers = signal.SIGTERM, signal.SIGALRM
    before = [signal.getsignal(number) for number in numbers], sys.unraisablehook

    with stops_as_at_ctrl_c():
        pass

    assert before == (
        [signal.getsignal(number) for number in numbers],
        sys.unraisablehook,
    )
