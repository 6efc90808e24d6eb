"""Measures batch scoring: `make bench-scoring`.

    python -m benchmarks.scoring [--rounds N]

Scores with threads, with worker processes, and asks the model alone, in turn; prints
the bars, and ends with 1 if one does not hold. What comes out is written to
build/bench/scoring.json and docs/benchmarks-scoring.md. `--report-only` measures
nothing.
"""

import os
import sys

from rich.console import Console

from benchmarks.engine.session import FOLDER, ProgramError
from benchmarks.machine import measured_on
from benchmarks.report import Report
from benchmarks.scoring.sections import SECTIONS
from benchmarks.serving.session import Outcome

_LAST = FOLDER / "scoring-times.json"

REPORT = Report("scoring", SECTIONS)


def main() -> int:
    """Measures, reports, and returns the exit code."""
    arguments = REPORT.arguments("Measures batch scoring.")
    console, errors = Console(), Console(stderr=True)
    try:
        if not arguments.report_only:
            _measure(arguments.rounds)
        outcome = Outcome.from_json(_LAST.read_text())
    except (ProgramError, FileNotFoundError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False)
        return 1
    return REPORT.conclude(console, outcome, list(SECTIONS), is_whole=True)


def _measure(rounds: int) -> None:
    """Runs the section, and keeps what comes out.

    Raises:
        ProgramError: if a run fails.
    """
    load = os.getloadavg()[0]
    FOLDER.mkdir(parents=True, exist_ok=True)
    outcome = SECTIONS["million"].measure(rounds)
    outcome.found["measured on"] = measured_on("bench-scoring", outcome.versions, load)
    _LAST.write_text(outcome.as_json())


if __name__ == "__main__":
    sys.exit(main())
