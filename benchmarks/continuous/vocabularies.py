"""30 spans of drifting tokens through a living vocabulary of a fixed capacity."""

import shutil
import statistics

from benchmarks.bars import Bar, at_least, at_most
from benchmarks.continuous.session import run
from benchmarks.engine.session import FOLDER
from benchmarks.serving.session import Outcome, Section, table_of

_FOLDER = FOLDER / "continuous-vocabularies"
# By how much the last ten spans may differ from the ten before, to be called flat.
_FLAT = 1.15


def _measure(_: int) -> Outcome:
    shutil.rmtree(_FOLDER, ignore_errors=True)
    try:
        said = run("vocabularies", "vocabularies", _FOLDER, limit_s=1200)
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)
    return Outcome({}, {"vocabularies": said}, {})


def _bars(outcome: Outcome) -> list[Bar]:
    said = outcome.found["vocabularies"]
    return [
        at_least("distinct tokens that were counted", said["tokens"], 2e6, "tokens"),
        at_most("tokens that moved to another row", said["moved"], 0, "tokens"),
        at_most("rows with two tokens", said["shared"], 0, "rows"),
        at_most("rows for tokens", max(said["capacities"]), 200_000, "rows"),
        at_most(
            "time of a span, the last ten / the ten before",
            said["cpu_seconds_growth"],
            _FLAT,
        ),
        at_most(
            "memory of a span, the last ten / the ten before",
            said["peak_mb_growth"],
            _FLAT,
        ),
    ]


def _table(outcome: Outcome) -> str:
    said = outcome.found["vocabularies"]
    spans = said["spans"]
    thirds = {
        f"{first + 1} to {first + 10}": spans[first : first + 10]
        for first in range(0, len(spans), 10)
    }
    keys = ("cpu_seconds", "peak_mb", "admitted", "evicted", "live", "waiting")
    rows = [
        [name, *(f"{statistics.median(one[key] for one in some):,.6g}" for key in keys)]
        for name, some in thirds.items()
    ]
    header = ["spans", "seconds of processor", "peak MB", "admitted", "evicted"]
    return "\n\n".join(
        [
            table_of([*header, "with a row", "waiting"], rows),
            f"Medians. {said['reused']:,} rows had more than one token, one after the "
            f"other. The process had {said['idle_mb']} MB before it began.",
        ]
    )


SECTION = Section("Living vocabularies over 30 spans", _measure, _bars, _table)
