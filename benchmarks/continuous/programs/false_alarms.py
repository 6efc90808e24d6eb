"""How often the gate closes on clean runs, and whether it closes on faulty ones.

Each seed is a world of its own (`world.py`), with a model in service. A clean candidate
is tried in each, and each fault in the first few.

    python -m benchmarks.continuous.programs.false_alarms [--clean 20] [--faulty 3]

Prints one line of JSON: which gates closed on each clean run, and of each fault how
often it was blocked by the gate that is there for it, and by any.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.continuous.trials import BLOCKED_BY, FAULTS, Trials
from benchmarks.continuous.world import World
from benchmarks.serving.program import say_result_of


def main() -> dict[str, Any]:
    """Returns what was counted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clean", type=int, default=20)
    parser.add_argument("--faulty", type=int, default=3)
    parser.add_argument("--examples", type=int, default=World(0).examples)
    arguments = parser.parse_args()
    clean: dict[int, list[str]] = {}
    faults: dict[str, dict[int, list[str]]] = {name: {} for name in FAULTS}
    for seed in range(1, max(arguments.clean, arguments.faulty) + 1):
        with tempfile.TemporaryDirectory() as folder:
            trials = Trials(World(seed, arguments.examples), Path(folder))
            if seed <= arguments.clean:
                clean[seed] = [gate.gate for gate in trials.judged().closed]
            for name, fault in FAULTS.items():
                if seed <= arguments.faulty:
                    closed = trials.judged(fault).closed
                    faults[name][seed] = [gate.gate for gate in closed]
    return {
        "clean_runs": len(clean),
        "false_alarms": sum(bool(closed) for closed in clean.values()),
        "clean": clean,
        "faults": {
            name: {
                "runs": len(runs),
                "blocked": sum(bool(closed) for closed in runs.values()),
                "blocked_by": BLOCKED_BY[name],
                "blocked_by_it": sum(BLOCKED_BY[name] in c for c in runs.values()),
                "closed": runs,
            }
            for name, runs in faults.items()
        },
    }


if __name__ == "__main__":
    say_result_of(main)
