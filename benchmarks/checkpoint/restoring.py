"""Sets of some hosts, restored onto others."""

import shutil
import statistics

from benchmarks.bars import Bar, at_most
from benchmarks.checkpoint.session import SETS, run
from benchmarks.serving.session import Outcome, Section, table_of

# Onto how many hosts a set of so many is restored.
ONTO = {1: (1, 4), 4: (1, 3)}
_FOLDER = SETS / "restoring"
_ALLOWED_BYTES = 256 * 2**20


def _measure(_: int) -> Outcome:
    found = {}
    try:
        for made, onto in ONTO.items():
            shutil.rmtree(_FOLDER, ignore_errors=True)
            run(f"restoring/{made}", "restoring", "make", _FOLDER, str(made))
            for hosts in onto:
                name = f"{made} to {hosts}"
                found[name] = run(
                    f"restoring/{name}", "restoring", "restore", _FOLDER, str(hosts)
                )
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)
    return Outcome({}, {"restoring": found}, {})


def _bars(outcome: Outcome) -> list[Bar]:
    found = outcome.found["restoring"]
    return [
        at_most(
            "restore of M hosts onto N / sequential read, the slowest of "
            f"{len(found)} pairs",
            max(one["ratio"] for one in found.values()),
            1.5,
        ),
        at_most(
            "peak memory of restoring / shards of the process + 256 MB",
            max(
                (one["peak_bytes"] - one["before_bytes"])
                / (one["shard_bytes"] + _ALLOWED_BYTES)
                for one in found.values()
            ),
            1,
        ),
    ]


def _table(outcome: Outcome) -> str:
    rows = [
        [
            name,
            *(
                f"{statistics.median(one[key] for one in said['times']):.2f} s"
                for key in ("restore_s", "read_s")
            ),
            f"{said['ratio']:.2f}",
            f"{min(one['from_disk'] for one in said['times']):.0%}",
            *(f"{said[f'{key}_bytes'] / 1e9:.2f} GB" for key in _MEMORY),
        ]
        for name, said in outcome.found["restoring"].items()
    ]
    header = ["hosts", "restore", "sequential read", "ratio", "from the disk"]
    return table_of([*header, "memory before", "shards", "peak"], rows)


_MEMORY = ("before", "shard", "peak")
SECTION = Section("2 GB on other hosts", _measure, _bars, _table)
