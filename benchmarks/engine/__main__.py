"""Measures training speed beside rivals: `make bench-engine`, or parts of it.

    python -m benchmarks.engine [SECTION ...] [--rounds N]

Runs the sections, prints the bars, and ends with 1 if one does not hold. A run of all
sections also writes build/bench/engine.json, docs/benchmarks.md and its plot;
`--report-only` writes them anew from the last such run.
"""

import argparse
import json
import os
import sys
import time

from rich.console import Console

from benchmarks.engine.report import show, write
from benchmarks.engine.sections import SECTIONS
from benchmarks.engine.session import FOLDER, RIVALS_PYTHON, Outcome, ProgramError
from benchmarks.machine import measured_on

_LAST = FOLDER / "engine-times.json"


def main() -> int:
    """Measures, reports, and returns the exit code."""
    parser = argparse.ArgumentParser(description="Measures training speed.")
    names = ", ".join(SECTIONS)
    parser.add_argument("sections", nargs="*", help=f"of {names}; default: all")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--report-only", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {names}")
    chosen = arguments.sections or list(SECTIONS)
    console, errors = Console(), Console(stderr=True)
    try:
        if arguments.report_only:
            machine, *measured = json.loads(_LAST.read_text())
            outcome = Outcome(*measured)
        else:
            load = os.getloadavg()[0]
            outcome = _measure(console, chosen, arguments.rounds)
            machine = measured_on("bench-engine", outcome.versions, load)
    except (ProgramError, FileNotFoundError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False)
        return 1
    bars = [bar for name in chosen for bar in SECTIONS[name].bars(outcome)]
    show(console, outcome, bars)
    if set(chosen) == set(SECTIONS):
        _LAST.write_text(json.dumps([machine, *outcome]))
        for path in write(outcome, bars, machine):
            console.print(f"Wrote {path}")
    missed = [bar.name for bar in bars if not bar.holds]
    if missed:
        console.print(f"{len(missed)} of {len(bars)} bars do not hold.")
    return 1 if missed else 0


def _measure(console: Console, chosen: list[str], rounds: int) -> Outcome:
    """Runs sections.

    Raises:
        FileNotFoundError: without the rivals' environment.
        ProgramError: if a program fails.
    """
    if not RIVALS_PYTHON.exists():
        raise FileNotFoundError(
            f"{RIVALS_PYTHON} is not there. `make bench-engine` makes it."
        )
    outcome = Outcome({}, {}, {})
    for name in chosen:
        section, start_s = SECTIONS[name], time.monotonic()
        console.print(f"{name}: {section.title}")
        outcome |= section.measure(rounds)
        console.print(f"{name}: done in {time.monotonic() - start_s:.0f} s")
    return outcome


if __name__ == "__main__":
    sys.exit(main())
