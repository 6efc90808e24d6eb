"""Measures continuous training: `make bench-continuous`, or parts of it.

    python -m benchmarks.continuous [SECTION ...]

Runs the sections, prints the bars, and ends with 1 if one does not hold. What was
measured of each section is kept, and once there is something of all of them, they are
written to build/bench/continuous.json, docs/benchmarks-continuous.md and its plot.
`--report-only` measures nothing.
"""

import os
import sys
import time
from pathlib import Path

from rich.console import Console

from benchmarks.continuous.plot import draw
from benchmarks.continuous.sections import SECTIONS
from benchmarks.engine.session import FOLDER, ProgramError
from benchmarks.machine import measured_on
from benchmarks.report import Report
from benchmarks.serving.session import Outcome

_LAST = FOLDER / "continuous-found.json"

REPORT = Report("continuous", SECTIONS, (Path("docs/continuous-freshness.png"), draw))


def main() -> int:
    """Measures, reports, and returns the exit code."""
    arguments = REPORT.arguments("Measures continuous training.", has_rounds=False)
    chosen = arguments.sections or list(SECTIONS)
    console, errors = Console(), Console(stderr=True)
    try:
        if not arguments.report_only:
            _measure(console, chosen)
        outcome = Outcome.from_json(_LAST.read_text())
    except (ProgramError, FileNotFoundError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False)
        return 1
    is_whole = set(SECTIONS) <= set(outcome.found)
    return REPORT.conclude(console, outcome, chosen, is_whole=is_whole)


def _measure(console: Console, chosen: list[str]) -> None:
    """Runs sections, and keeps what comes out beside what is kept of others.

    Raises:
        ProgramError: if a program fails.
    """
    load = os.getloadavg()[0]
    outcome = Outcome({}, {}, {})
    FOLDER.mkdir(parents=True, exist_ok=True)
    if _LAST.exists():
        outcome = Outcome.from_json(_LAST.read_text())
    for name in chosen:
        section, start_s = SECTIONS[name], time.monotonic()
        console.print(f"{name}: {section.title}")
        outcome |= section.measure(1)
        sentence = measured_on("bench-continuous", outcome.versions, load)
        outcome.found["measured on"] = sentence
        _LAST.write_text(outcome.as_json())
        console.print(f"{name}: done in {time.monotonic() - start_s:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
