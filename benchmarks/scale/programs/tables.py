"""Tables saved, restored, exported and loaded: processor time, bytes and memory.

    python -m benchmarks.scale.programs.tables sets FOLDER ROWS
    python -m benchmarks.scale.programs.tables export|load FOLDER ROWS

`sets` trains tables of ROWS rows in all, saves a whole set and one of the touched rows,
and restores the whole. Prints {"save_cpu_s", "restore_cpu_s", "bytes": of the whole
set's tables, "row_overhead_bytes": of a touched row beside its numbers}. `export` and
`load` write and load a model of one table, whose checkpoint `make` made in
`benchmarks.serving.programs.large`. They print {"cpu_s", "bytes": the peak of memory
above what was there}.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.checkpoint.memory import AnonymousPeak, anonymous_bytes
from benchmarks.checkpoint.trained import Sets, Trained, restore_newest_of
from benchmarks.engine.workload import Workload
from benchmarks.serving.programs import large

_TABLES, _DIM, _STEPS = 2, 64, 20


def sets(folder: Path, rows: int) -> dict[str, float]:
    """Saves sets and restores the first; returns what that took."""
    workload = Workload(tables=_TABLES, rows=rows // _TABLES, dim=_DIM, batch=1024)
    trained = Trained(workload, batches=_STEPS)
    trained.step()
    saving = Sets(trained, folder, differential=True)
    with saving.saver:
        save_cpu_s = _saved_cpu_s(saving)
        for _ in range(_STEPS):
            trained.step()
        _saved_cpu_s(saving)
    touched, touched_bytes = trained.touched_bytes(_STEPS)
    whole, differential = saving.saved
    started_s = time.process_time()
    restore_newest_of(folder, trained)
    return {
        "save_cpu_s": save_cpu_s,
        "restore_cpu_s": time.process_time() - started_s,
        "bytes": float(whole.bytes),
        "row_overhead_bytes": (differential.bytes - touched_bytes) / touched,
    }


def _saved_cpu_s(saving: Sets) -> float:
    started_s = time.process_time()
    saving.begin()
    saving.seconds()
    return time.process_time() - started_s


def model(action: str, folder: Path, rows: int) -> dict[str, float]:
    """Exports or loads a model; returns what that took."""
    do = {"export": large.export, "load": large.load}[action](folder, rows, 1)
    before, started_s = anonymous_bytes(), time.process_time()
    with AnonymousPeak() as peak:
        kept = do()
    cpu_s = time.process_time() - started_s
    del kept
    return {
        "cpu_s": cpu_s,
        "bytes": float(peak.bytes - before),
    }


def main() -> None:
    """Does one action and says what it took."""
    action, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    said: dict[str, Any]
    said = sets(folder, rows) if action == "sets" else model(action, folder, rows)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
