"""Measures the served model: `make bench-serving`, or parts of it.

    python -m benchmarks.serving [SECTION ...] [--rounds N]

Runs the sections, prints the bars, and ends with 1 if one does not hold. A run of all
sections also writes build/bench/serving.json and docs/benchmarks-serving.md;
`--report-only` writes them anew from the last such run.
"""

import os
import shutil
import sys
import time

from rich.console import Console

from benchmarks.engine.session import FOLDER, ProgramError
from benchmarks.machine import measured_on
from benchmarks.report import Report
from benchmarks.serving.sections import SECTIONS
from benchmarks.serving.session import MODELS, Outcome

_LAST = FOLDER / "serving-times.json"

REPORT = Report("serving", SECTIONS)


def main() -> int:
    """Measures, reports, and returns the exit code."""
    arguments = REPORT.arguments("Measures the served model.")
    chosen = arguments.sections or list(SECTIONS)
    console, errors = Console(), Console(stderr=True)
    try:
        if arguments.report_only:
            outcome = Outcome.from_json(_LAST.read_text())
        else:
            outcome = _measure(console, chosen, arguments.rounds)
    except (ProgramError, FileNotFoundError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False)
        return 1
    is_whole = set(chosen) == set(SECTIONS)
    if is_whole:
        _LAST.write_text(outcome.as_json())
    return REPORT.conclude(console, outcome, chosen, is_whole=is_whole)


def _measure(console: Console, chosen: list[str], rounds: int) -> Outcome:
    """Runs sections.

    Raises:
        ProgramError: if a program fails.
    """
    load = os.getloadavg()[0]
    outcome = Outcome({}, {}, {})
    shutil.rmtree(MODELS, ignore_errors=True)
    try:
        for name in chosen:
            section, start_s = SECTIONS[name], time.monotonic()
            console.print(f"{name}: {section.title}")
            outcome |= section.measure(rounds)
            console.print(f"{name}: done in {time.monotonic() - start_s:.0f} s")
    finally:
        shutil.rmtree(MODELS, ignore_errors=True)
    outcome.found["measured on"] = measured_on("bench-serving", outcome.versions, load)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
