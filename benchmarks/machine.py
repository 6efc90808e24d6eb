"""What a benchmark was measured on."""

import datetime
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path


def measured_on(target: str, versions: Mapping[str, str], load: float) -> str:
    """Returns date, machine and versions as a sentence.

    Args:
        target: of `make`.
        versions: by distribution.
        load: the machine's load average before the run.
    """
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", cpuinfo)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    listed = ", ".join(
        f"{name} {version}" for name, version in sorted(versions.items())
    )
    return (
        f"Measured by `make {target}` on {datetime.date.today():%Y-%m-%d}: "
        f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}, "
        f"{memory:.0f} GiB, load average {load:.1f} before, Linux "
        f"{platform.release().split('-')[0]}, Python {platform.python_version()}, "
        f"{listed}."
    )
