"""Processes that do not outlive the one that started them, however that one ends.

The kernel sends SIGKILL to a process when its parent ends (prctl(2), PR_SET_PDEATHSIG),
if the process has asked for it. This module, run as a script, asks, and then becomes
the command that it was given. Linux only; nothing but the standard library.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

_PR_SET_PDEATHSIG = 1


def start_bound(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Starts a command that is killed when the calling thread ends.

    The kernel takes the thread that started a process for its parent, so call this in
    one that lives as long as the process should. The process gets a session of its own:
    what is typed at the terminal reaches the parent only.

    Args:
        command: the path of a program and its arguments.
        environment: all of its environment variables.
        stdin: a file for its input; None: that of this process.
        pass_fds: open file descriptors that it gets under the same numbers.
    """
    # Isolated, and without `site`: of Python nothing but what is imported above.
    bound = [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]
    return subprocess.Popen(
        bound,
        env=dict(environment),
        start_new_session=True,
        stdin=stdin,
        pass_fds=pass_fds,
    )


def _become(parent: int, command: Sequence[str]) -> None:
    """Binds this process to its parent and runs a command in its place."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl(PR_SET_PDEATHSIG): {os.strerror(number)}")
    # The parent may have ended before the kernel was asked.
    if os.getppid() == parent:
        os.execv(command[0], list(command))


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
