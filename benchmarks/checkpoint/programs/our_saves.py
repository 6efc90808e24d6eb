"""Full sets of Shardline, idle and in training, beside what the disk can do.

python -m benchmarks.checkpoint.programs.our_saves FOLDER SAVES
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from benchmarks.checkpoint import disk
from benchmarks.checkpoint.memory import AnonymousPeak, anonymous_bytes
from benchmarks.checkpoint.rival import restored
from benchmarks.checkpoint.trained import Sets, Trained, restore_newest_of, versions
from benchmarks.checkpoint.workload import TABLES
from benchmarks.engine.workload import Workload
from benchmarks.serving.program import say_result_of

_USUAL_STEPS = 20
_RESTORES = 2


def main() -> dict[str, Any]:
    """Returns what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("saves", type=int)
    parser.add_argument("--workload", type=Workload.from_json, default=TABLES)
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True)
    trained = Trained(arguments.workload)
    _usual_s(trained)
    before = anonymous_bytes()
    sets = Sets(trained, folder / "sets")
    with sets.saver:
        with AnonymousPeak() as peak:
            training = [_in_training(trained, sets) for _ in range(arguments.saves + 1)]
        idle = [_idle(trained, sets, folder) for _ in range(arguments.saves + 1)]
    return {
        # As of the rivals, the first is not measured but in its memory.
        "training": training[1:],
        "idle": idle[1:],
        "bytes": sets.saved[-1].bytes,
        "table_bytes": arguments.workload.table_bytes,
        "extra_bytes": peak.bytes - before,
        "restores": [
            restored(
                folder / "sets", lambda: restore_newest_of(folder / "sets", trained)
            )
            for _ in range(_RESTORES)
        ],
        "versions": versions(),
    }


def _usual_s(trained: Trained) -> float:
    return statistics.median(trained.step() for _ in range(_USUAL_STEPS))


def _in_training(trained: Trained, sets: Sets) -> dict[str, float]:
    """Saves while training goes on.

    Returns:
        Seconds: `blocked_s` of the call, `pause_s` with the step after it and without
        a usual step, `seconds` until the set was durable; and `slower`, how many times
        as long a step took meanwhile.
    """
    usual_s = _usual_s(trained)
    blocked_s = sets.begin()
    steps = [trained.step()]
    while sets.is_saving:
        steps.append(trained.step())
    return {
        "blocked_s": blocked_s,
        "pause_s": max(blocked_s + steps[0] - usual_s, 0.0),
        "seconds": sets.seconds(),
        "slower": statistics.mean(steps) / usual_s,
    }


def _idle(trained: Trained, sets: Sets, folder: Path) -> dict[str, float]:
    """Saves while nothing else happens, after a write of as many bytes by the disk."""
    trained.step()  # so that there is something new
    disk_s = disk.write_s(folder / "written", sets.saved[-1].bytes)
    sets.begin()
    return {"seconds": sets.seconds(), "disk_s": disk_s}


if __name__ == "__main__":
    say_result_of(main)
