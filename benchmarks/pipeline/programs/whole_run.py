"""Runs a pipeline into a fresh folder, and tells what it took as JSON.

python -m benchmarks.pipeline.programs.whole_run CONFIG OUTPUT
"""

import ctypes
import importlib.metadata
import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from benchmarks.progress import done_in

_COMMAND = "from shardline.pipeline.commands.entry import main; main()"
_EVERY_S = 0.5
_SUBREAPER = 36  # of prctl
_LIBRARIES = ("apache-beam", "tensorflow-data-validation", "tensorflow-model-analysis")


def main() -> int:
    """Runs, tells, and returns the exit code."""
    config, output = sys.argv[1:]
    # Processes whose parent is gone come here, so that their time is counted.
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    began_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, "run", config, "--output-dir", output],
        stdout=subprocess.PIPE,
        text=True,
    )
    memory = _Memory()
    threading.Thread(target=memory.watch, daemon=True).start()
    assert process.stdout
    told = process.stdout.read()
    code = process.wait()
    wall_s = time.monotonic() - began_s
    memory.is_over.set()
    _await_all()
    if code:
        print(told, file=sys.stderr)
        return code
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = {
        "wall_s": wall_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_bytes": memory.peak,
        "steps": dict(filter(None, map(done_in, told.splitlines()))),
        "versions": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }
    print(json.dumps(said))
    return 0


class _Memory:
    """The most memory that all processes of a run have at a time.

    Pages that several of them share count once.
    """

    def __init__(self) -> None:
        self.peak = 0
        self.is_over = threading.Event()

    def watch(self) -> None:
        """Looks until it is over."""
        while not self.is_over.wait(_EVERY_S):
            now = sum(map(_share, psutil.Process().children(recursive=True)))
            self.peak = max(self.peak, now)


def _share(process: psutil.Process) -> int:
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except OSError:
        return 0  # it has ended
    found = re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _await_all() -> None:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


if __name__ == "__main__":
    sys.exit(main())
