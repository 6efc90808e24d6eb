"""Measures checkpoint sets: `make bench-checkpoint`, or parts of it.

    python -m benchmarks.checkpoint [SECTION ...] [--rounds N]

Runs the sections, prints the bars, and ends with 1 if one does not hold. What was
measured of each section is kept, and once there is something of all of them, they are
written to build/bench/checkpoint.json, docs/benchmarks-checkpoint.md and its plot: what
is compared is of one section, and so of one run. `--report-only` measures nothing.
"""

import os
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console

from benchmarks.checkpoint.plot import draw
from benchmarks.checkpoint.sections import SECTIONS
from benchmarks.checkpoint.session import ORBAX_PYTHON, SETS
from benchmarks.engine.session import FOLDER, ProgramError
from benchmarks.machine import measured_on
from benchmarks.report import Report
from benchmarks.serving.session import Outcome

_LAST = FOLDER / "checkpoint-times.json"

REPORT = Report("checkpoint", SECTIONS, (Path("docs/benchmarks-checkpoint.svg"), draw))


def main() -> int:
    """Measures, reports, and returns the exit code."""
    arguments = REPORT.arguments("Measures checkpoint sets.")
    chosen = arguments.sections or list(SECTIONS)
    console, errors = Console(), Console(stderr=True)
    try:
        if not arguments.report_only:
            _measure(console, chosen, arguments.rounds)
        outcome = Outcome.from_json(_LAST.read_text())
    except (ProgramError, FileNotFoundError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False)
        return 1
    is_whole = set(SECTIONS) <= set(outcome.found)
    return REPORT.conclude(console, outcome, chosen, is_whole=is_whole)


def _measure(console: Console, chosen: list[str], rounds: int) -> None:
    """Runs sections, and keeps what comes out beside what is kept of others.

    Raises:
        FileNotFoundError: without Orbax's environment.
        ProgramError: if a program fails.
    """
    if not ORBAX_PYTHON.exists():
        raise FileNotFoundError(
            f"{ORBAX_PYTHON} is not there. `make bench-checkpoint` makes it."
        )
    load = os.getloadavg()[0]
    outcome = Outcome({}, {}, {})
    if _LAST.exists():
        outcome = Outcome.from_json(_LAST.read_text())
    shutil.rmtree(SETS, ignore_errors=True)
    try:
        for name in chosen:
            section, start_s = SECTIONS[name], time.monotonic()
            console.print(f"{name}: {section.title}")
            outcome |= section.measure(rounds)
            sentence = measured_on("bench-checkpoint", outcome.versions, load)
            outcome.found["measured on"] = sentence
            _LAST.write_text(outcome.as_json())
            console.print(f"{name}: done in {time.monotonic() - start_s:.0f} s")
    finally:
        shutil.rmtree(SETS, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
