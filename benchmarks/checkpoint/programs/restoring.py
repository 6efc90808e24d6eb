"""Makes a set on some hosts, or restores one onto some hosts.

    python -m benchmarks.checkpoint.programs.restoring ACTION FOLDER HOSTS

ACTION is `make` or `restore`, each in a process of its own.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from benchmarks.checkpoint.memory import status_bytes
from benchmarks.checkpoint.rival import restored
from benchmarks.checkpoint.trained import Sets, Trained, restore_newest_of
from benchmarks.checkpoint.workload import TABLES
from benchmarks.engine.workload import Workload
from benchmarks.serving.program import say_result_of

_STEPS = 20
_RESTORES = 3


def main() -> dict[str, Any]:
    """Does one action."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("make", "restore"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("hosts", type=int)
    parser.add_argument("--workload", type=Workload.from_json, default=TABLES)
    arguments = parser.parse_args()
    act = make if arguments.action == "make" else restore
    return act(arguments.folder, arguments.workload, arguments.hosts)


def make(folder: Path, workload: Workload, hosts: int) -> dict[str, Any]:
    """Trains a little and saves a full set."""
    trained = Trained(workload, hosts, batches=_STEPS)
    for _ in range(_STEPS):
        trained.step()
    sets = Sets(trained, folder)
    with sets.saver:
        sets.begin()
        return {"seconds": sets.seconds(), "bytes": sets.saved[-1].bytes}


def restore(folder: Path, workload: Workload, hosts: int) -> dict[str, Any]:
    """Restores several times; the peak of memory is that of the process until then."""
    before = status_bytes("VmRSS")
    trained = Trained(workload, hosts, batches=1)
    times = [
        restored(folder, lambda: restore_newest_of(folder, trained))
        for _ in range(_RESTORES)
    ]
    return {
        "times": times,
        "ratio": statistics.median(t["restore_s"] / t["read_s"] for t in times),
        "before_bytes": before,
        "peak_bytes": status_bytes("VmHWM"),
        "shard_bytes": workload.table_bytes,
    }


if __name__ == "__main__":
    say_result_of(main)
