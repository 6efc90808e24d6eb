"""Bytes of differential sets beside those of the rows that were touched."""

import shutil

from benchmarks.bars import Bar, at_most
from benchmarks.checkpoint.session import SETS, run
from benchmarks.serving.session import Outcome, Section, table_of

STEPS = (10, 100, 1000)
_FOLDER = SETS / "differential"


def _measure(_: int) -> Outcome:
    shutil.rmtree(_FOLDER, ignore_errors=True)
    try:
        found = run("differential", "touched", _FOLDER, *map(str, STEPS))
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)
    return Outcome({}, {"differential": found}, {})


def _bars(outcome: Outcome) -> list[Bar]:
    return [
        at_most(
            f"bytes of a set after {one['steps']:,} steps / of the touched rows",
            one["bytes"] / one["row_bytes"],
            1.05,
        )
        for one in outcome.found["differential"]
    ]


def _table(outcome: Outcome) -> str:
    rows = [
        [
            f"{one['steps']:,}",
            one["kind"],
            f"{one['rows']:,}",
            f"{one['row_bytes'] / 1e6:.1f} MB",
            f"{one['bytes'] / 1e6:.1f} MB",
            f"{one['bytes'] / one['row_bytes']:.3f}",
            f"{one['seconds']:.2f} s",
        ]
        for one in outcome.found["differential"]
    ]
    header = [
        "steps",
        "set",
        "touched rows",
        "their bytes",
        "bytes of the set",
        "ratio",
    ]
    return table_of([*header, "save"], rows)


SECTION = Section("sets of touched rows", _measure, _bars, _table)
