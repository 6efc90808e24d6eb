"""Measures the whole pipeline: `make bench-pipeline`.

    python -m benchmarks.pipeline [--rounds N]

Runs it with 1 and with 2 worker processes in turn, prints the bars, and ends with 1 if
one does not hold. What comes out is written to build/bench/pipeline.json and
docs/benchmarks-pipeline.md. `--report-only` measures nothing.
"""

import sys

from benchmarks.pipeline.sections import SECTIONS
from benchmarks.report import Report

REPORT = Report("pipeline", SECTIONS)


def main() -> int:
    """Measures, reports, and returns the exit code."""
    arguments = REPORT.arguments("Measures the whole pipeline.")
    return REPORT.measured_at_once(
        arguments, lambda: SECTIONS["million"].measure(arguments.rounds)
    )


if __name__ == "__main__":
    sys.exit(main())
