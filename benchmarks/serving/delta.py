"""What travels when some rows of a model have changed, and what it costs."""

import shutil

from benchmarks.bars import Bar, at_most
from benchmarks.serving.session import MODELS, Outcome, Section, run, table_of

SHARES = (0.01, 0.1, 0.5)
_FOLDER = MODELS / "delta"
_ALLOWED = 0.01  # of a full version, for what is no changed row


def _measure(_: int) -> Outcome:
    shutil.rmtree(_FOLDER, ignore_errors=True)
    try:
        found = run("delta", "deltas", _FOLDER, *map(str, SHARES))
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)
    return Outcome({}, {"delta": found}, {})


def _bars(outcome: Outcome) -> list[Bar]:
    found = outcome.found["delta"]
    return [
        *(
            at_most(
                f"delta, {one['share']:.0%} of rows touched: part of a full version",
                one["delta_bytes"] / one["full_bytes"],
                one["share"] + _ALLOWED,
            )
            for one in found
        ),
        at_most(
            "files of versions made from deltas that are not the export's",
            sum(one["differing_files"] for one in found),
            0,
            "files",
        ),
    ]


def _table(outcome: Outcome) -> str:
    header = ["rows touched", "full version", "delta"]
    header += ["publish full", "publish delta", "agent applies"]
    rows = [
        [
            f"{one['share']:.0%}",
            f"{one['full_bytes'] / 1e6:.1f} MB",
            f"{one['delta_bytes'] / 1e6:.1f} MB",
            *(f"{one[key]:.1f} s" for key in ("full_s", "delta_s", "agent_s")),
        ]
        for one in outcome.found["delta"]
    ]
    return table_of(header, rows)


SECTION = Section("a table of a million rows, dim 64", _measure, _bars, _table)
