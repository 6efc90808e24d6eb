"""Measures batch scoring: `make bench-scoring`.

    python -m benchmarks.scoring [--rounds N]

Scores with threads, with worker processes, and asks the model alone, in turn; prints
the bars, and ends with 1 if one does not hold. What comes out is written to
build/bench/scoring.json and docs/benchmarks-scoring.md. `--report-only` measures
nothing.
"""

import sys

from benchmarks.report import Report
from benchmarks.scoring.sections import SECTIONS

REPORT = Report("scoring", SECTIONS)


def main() -> int:
    """Measures, reports, and returns the exit code."""
    arguments = REPORT.arguments("Measures batch scoring.")
    return REPORT.measured_at_once(
        arguments, lambda: SECTIONS["million"].measure(arguments.rounds)
    )


if __name__ == "__main__":
    sys.exit(main())
