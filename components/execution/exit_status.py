"""How a process has ended, in words."""

import signal


def how_ended(code: int) -> str:
    """Returns how a process has ended, as what goes on after its name.

    Args:
        code: its exit code, or as `subprocess` says it, the negative number of the
            signal that ended it.
    """
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # a real-time signal
        return f"was ended by signal {-code}"
    if name != "SIGKILL":
        return f"was ended by {name}"
    return (
        "was ended by SIGKILL: by a person, or by the kernel for want of memory, which "
        "its log says then (`dmesg`)"
    )


def exit_code_of_end(code: int) -> int:
    """Returns the exit code with which a shell would tell of the end of a process.

    Args:
        code: as `how_ended` takes it.
    """
    return code if code >= 0 else 128 - code
