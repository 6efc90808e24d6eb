"""Bytes of differential sets beside those of the rows that training touched.

    python -m benchmarks.checkpoint.programs.touched FOLDER STEPS ...

A set after so many steps each, of ids that are drawn anew for every step. Touched rows
are counted by the ids, not by the engine.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.checkpoint.trained import Sets, Trained
from benchmarks.checkpoint.workload import TOUCHED
from benchmarks.engine.workload import Workload
from benchmarks.serving.program import say_result_of


def main() -> list[dict[str, Any]]:
    """Returns by steps: kind and bytes of the set, touched rows and their bytes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("steps", type=int, nargs="+")
    parser.add_argument("--workload", type=Workload.from_json, default=TOUCHED)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True)
    trained = Trained(arguments.workload, batches=sum(arguments.steps))
    sets = Sets(trained, arguments.folder / "sets", differential=True)
    with sets.saver:
        sets.begin()
        sets.seconds()
        return [_after(trained, sets, count) for count in arguments.steps]


def _after(trained: Trained, sets: Sets, count: int) -> dict[str, Any]:
    for _ in range(count):
        trained.step()
    sets.begin()
    sets.seconds()
    saved = sets.saved[-1]
    rows, row_bytes = trained.touched_bytes(count)
    return {
        "steps": count,
        "kind": saved.kind,
        "bytes": saved.bytes,
        "rows": rows,
        "row_bytes": row_bytes,
        "seconds": saved.seconds,
    }


if __name__ == "__main__":
    say_result_of(main)
