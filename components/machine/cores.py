"""How many cores a process may use, which may be fewer than the machine has."""

import os
from pathlib import Path

_QUOTA_FILE = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Returns how many cores this process may use.

    The cores that it may run on count, and in a container its share of them, which
    cgroup v2 tells; with the older cgroup v1 shares are not seen.
    """
    cores = len(os.sched_getaffinity(0))
    try:
        quota, _, period = _QUOTA_FILE.read_text().partition(" ")
    except OSError:
        return cores  # in no container
    return cores if quota == "max" else max(1, min(cores, int(quota) // int(period)))
