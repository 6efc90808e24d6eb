"""Measures unit costs: `make bench-scale`, or parts of it.

    python -m benchmarks.scale [SECTION ...] [--report-only]

Runs the sections. What was measured of each is kept, and once there is something of all
of them, the costs are written to where `shardline scale` finds them, and docs/scale.md
is written of them. `--report-only` measures nothing.
"""

import argparse
import json
import os
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.engine.session import FOLDER, ProgramError
from benchmarks.machine import measured_on
from benchmarks.scale.page import PAGE, page
from benchmarks.scale.sections import SECTIONS, WORK
from shardline.components.planner.scale.unit_costs import (
    MEASURED,
    UnitCosts,
    load_unit_costs,
)

_LAST = FOLDER / "scale-costs.json"
_VERSIONS = ("apache-beam", "tensorflow", "tensorflow-data-validation")


def main() -> int:
    """Measures, writes costs and page, and returns the exit code."""
    parser = argparse.ArgumentParser(description="Measures unit costs.")
    names = ", ".join(SECTIONS)
    parser.add_argument("sections", nargs="*", help=f"of {names}; default: all")
    parser.add_argument("--report-only", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {names}")
    if not arguments.report_only:
        try:
            found = _measured(arguments.sections or list(SECTIONS))
        except ProgramError as error:
            Console(stderr=True).print(str(error), style="red", markup=False)
            return 1
        if missing := set(SECTIONS) - set(found):
            print(f"Nothing is written before these are measured: {sorted(missing)}")
            return 0
        costs = UnitCosts.model_validate(
            {key: value for section in found.values() for key, value in section.items()}
            | {"measured_on": found[next(iter(SECTIONS))]["measured_on"]}
        )
        MEASURED.write_text(costs.model_dump_json(indent=2) + "\n")
    PAGE.write_text(page(load_unit_costs()))
    print(f"Wrote {PAGE}")
    return 0


def _measured(chosen: list[str]) -> dict[str, dict[str, Any]]:
    """Runs sections; returns what came out of these, and before of others."""
    found: dict[str, dict[str, Any]] = {}
    if _LAST.exists():
        found = json.loads(_LAST.read_text())
    versions = {name: metadata.version(name) for name in _VERSIONS}
    for name in chosen:
        print(f"{name}: {SECTIONS[name].__doc__}", flush=True)
        load, start_s = os.getloadavg()[0], time.monotonic()
        _empty(WORK)
        try:
            costs = SECTIONS[name]()
        finally:
            _empty(WORK)
        sentence = measured_on("bench-scale", versions, load)
        found[name] = {**costs, "measured_on": sentence}
        _LAST.parent.mkdir(parents=True, exist_ok=True)
        _LAST.write_text(json.dumps(found, indent=2))
        print(f"{name}: done in {time.monotonic() - start_s:.0f} s", flush=True)
    return found


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
