"""Measures side files joined to examples: `make bench-join`.

    python -m benchmarks.join [--rounds N] [--rows N] [--items N]

Reads rows with a side file and without, as our reader and `shardline preprocess` do,
and as pandas and Arrow do, in turn; prints the bars, and ends with 1 if one does not
hold. What comes out of the default sizes is written to build/bench/join.json and
docs/benchmarks-join.md. `--report-only` measures nothing.
"""

import sys

from benchmarks.join.sections import SECTIONS, measure
from benchmarks.join.workload import Sizes
from benchmarks.report import Report

REPORT = Report("join", SECTIONS)


def main() -> int:
    """Measures, reports, and returns the exit code."""
    whole = Sizes()._asdict()
    arguments = REPORT.arguments("Measures side files.", sizes=whole)
    sizes = Sizes(arguments.rows, arguments.items)
    return REPORT.measured_at_once(
        arguments,
        lambda: measure(arguments.rounds, sizes),
        is_whole=lambda outcome: bool(outcome.found["sizes"] == whole),
    )


if __name__ == "__main__":
    sys.exit(main())
