"""The side of a measured program: runs the job once and says what it took.

What it says is one line of JSON on standard output,

    {"cpu_s": 70.1, "wall_s": 72.0, "peak_bytes": 1500000000, "versions": {...}}

of the job alone: imports are over when it starts. Processor time is that of all threads
and of all processes that the job starts, with all that these import. The peak is the
resident memory of the process that had most. Whatever else the program prints goes to
standard error.
"""

import cProfile
import json
import os
import resource
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path


def measure(
    job: Callable[[], object],
    versions: Sequence[str] = (),
    profile: Path | None = None,
) -> None:
    """Runs a job and prints what it took.

    Args:
        job: what to measure; it returns when its outputs are written.
        versions: distributions whose version to report.
        profile: where to dump a profile of the main thread, which slows it down.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    start_wall, start_cpu = time.perf_counter(), _cpu_s()
    if profile:
        profiler = cProfile.Profile()
        profiler.runcall(job)
        profiler.dump_stats(profile)
    else:
        job()
    measured = {
        "cpu_s": _cpu_s() - start_cpu,
        "wall_s": time.perf_counter() - start_wall,
        "peak_bytes": _peak_bytes(),
        "versions": {name: metadata.version(name) for name in versions},
    }
    print(json.dumps(measured), file=answers, flush=True)


def _cpu_s() -> float:
    """Returns processor time of this process and of those it has started and ended."""
    spent = os.times()
    return sum(spent[:4])


def _peak_bytes() -> int:
    """Returns the largest resident size of this process or one that it started."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in whose) * 1024
