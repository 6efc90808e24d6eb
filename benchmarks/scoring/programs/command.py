"""Runs `shardline score`, and tells what it took as JSON.

python -m benchmarks.scoring.programs.command CONFIG RUN ROWS OUTPUT [OPTION ...]

Options are the runner's.
"""

import contextlib
import importlib.metadata
import io
import json
import re
import resource
import sys
import time

from shardline.pipeline.commands.entry import main as shardline

_RATE = re.compile(r"([\d,]+) rows scored in ([\d.]+) s")
_LIBRARIES = ("apache-beam", "pyarrow", "tensorflow")


def main() -> int:
    """Runs, tells, and returns the exit code."""
    config, run, rows, output, *options = sys.argv[1:]
    sys.argv = ["shardline", "score", config, f"{rows}/*.csv", "--output", output]
    sys.argv += ["--output-dir", run, "--", *options]
    told = io.StringIO()
    began_s = time.monotonic()
    with contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
        shardline()
    wall_s = time.monotonic() - began_s
    found = _RATE.search(told.getvalue())
    if found is None:
        print(told.getvalue(), file=sys.stderr)
        return 1
    used = [
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    said = {
        "rows": int(found[1].replace(",", "")),
        "job_s": float(found[2]),
        "wall_s": wall_s,
        "cpu_s": sum(one.ru_utime + one.ru_stime for one in used),
        "peak_bytes": max(one.ru_maxrss for one in used) * 1024,
        "versions": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }
    print(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
