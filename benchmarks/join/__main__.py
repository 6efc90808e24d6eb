"""Measures side files joined to examples: `make bench-join`.

    python -m benchmarks.join [--rounds N] [--rows N] [--items N]

Reads rows with a side file and without, as our reader and `shardline preprocess` do,
and as pandas and Arrow do, in turn; prints the bars, and ends with 1 if one does not
hold. What comes out of the default sizes is written to build/bench/join.json and
docs/benchmarks-join.md. `--report-only` measures nothing.
"""

import os
import sys

from rich.console import Console

from benchmarks.engine.session import FOLDER, ProgramError
from benchmarks.join.sections import SECTIONS, measure
from benchmarks.join.workload import Sizes
from benchmarks.machine import measured_on
from benchmarks.report import Report
from benchmarks.serving.session import Outcome

_LAST = FOLDER / "join-times.json"

REPORT = Report("join", SECTIONS)


def main() -> int:
    """Measures, reports, and returns the exit code."""
    arguments = REPORT.arguments("Measures side files.", sizes=Sizes()._asdict())
    sizes = Sizes(arguments.rows, arguments.items)
    console, errors = Console(), Console(stderr=True)
    try:
        if not arguments.report_only:
            _measure(arguments.rounds, sizes)
        outcome = Outcome.from_json(_LAST.read_text())
    except (ProgramError, FileNotFoundError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False)
        return 1
    is_whole = outcome.found["sizes"] == Sizes()._asdict()
    return REPORT.conclude(console, outcome, list(SECTIONS), is_whole=is_whole)


def _measure(rounds: int, sizes: Sizes) -> None:
    """Runs all programs, and keeps what comes out.

    Raises:
        ProgramError: if a program fails.
    """
    load = os.getloadavg()[0]
    outcome = measure(rounds, sizes)
    outcome.found["measured on"] = measured_on("bench-join", outcome.versions, load)
    _LAST.write_text(outcome.as_json())


if __name__ == "__main__":
    sys.exit(main())
