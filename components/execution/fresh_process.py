"""Runs a program in a fresh process, which has loaded nothing yet.

The program is a Python file that is run by its path, isolated (`python -I`): neither
environment variables nor the working folder change what it imports. It reads one JSON
object, the request, from its input and prints lines. The process gives back all its
memory, and what this process has loaded can neither help nor hinder it. It ends with
this process, however this one ends.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from shardline.components.execution.exit_status import how_ended

_LAST_LINES = 3
# Runs the program, and reads from a pipe to which nobody writes: that ends when the
# process that holds the other end is gone.
_STARTER = """
import os, runpy, sys, threading

def end_with_the_other():
    os.read(lifeline, 1)
    os._exit(1)

lifeline = int(sys.argv[1])
threading.Thread(target=end_with_the_other, daemon=True).start()
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class ProgramError(RuntimeError):
    """A program that ended with an error; the message goes on after its name."""


class TimeLimitError(ProgramError):
    """A program that did not end in time."""


def output_lines(
    program: Path, request: Mapping[str, Any], time_limit_s: float | None = None
) -> Generator[str, None, None]:
    """Runs a program, and yields each line as soon as it is printed.

    A caller that does not read to the end closes the generator, which ends the process.

    Args:
        program: its file.
        request: JSON values, for the program's input.
        time_limit_s: seconds after which the process is ended; None: no limit.

    Raises:
        TimeLimitError: if the process had to be ended.
        ProgramError: if the exit code is not 0; with the last lines of the errors that
            the program printed.
    """
    with (
        tempfile.TemporaryFile("w+") as stdin,
        tempfile.TemporaryFile("w+") as stderr,
        contextlib.ExitStack() as closing,
    ):
        json.dump(request, stdin)
        stdin.seek(0)
        lifeline, other_end = os.pipe()
        closing.callback(os.close, other_end)
        closing.callback(os.close, lifeline)
        with subprocess.Popen(
            [sys.executable, "-I", "-c", _STARTER, str(lifeline), str(program)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            pass_fds=[lifeline],
            text=True,
        ) as process:
            with _time_limit(process, time_limit_s) as is_over:
                yield from _lines_of(process)
        if is_over.is_set():
            raise TimeLimitError(f"took longer than {time_limit_s} s")
        if process.returncode != 0:
            raise ProgramError(
                f"{how_ended(process.returncode)}.\n{_last_lines(stderr)}"
            )


@contextlib.contextmanager
def _time_limit(
    process: subprocess.Popen[str], seconds: float | None
) -> Iterator[threading.Event]:
    """Ends a process that takes too long; sets the event if it does."""
    is_over = threading.Event()
    if seconds is None:
        yield is_over
        return

    def end() -> None:
        is_over.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        yield is_over
    finally:
        timer.cancel()


def _lines_of(process: subprocess.Popen[str]) -> Iterator[str]:
    """Yields what a process prints until it ends; ends it if nobody reads on."""
    assert process.stdout is not None
    try:
        yield from process.stdout
        process.wait()
    except BaseException:
        process.kill()
        raise


def _last_lines(file: IO[str]) -> str:
    file.seek(0)
    return "".join(file.readlines()[-_LAST_LINES:]).strip()
