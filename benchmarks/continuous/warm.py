"""A warm start of 2 GB beside a plain restore, onto another number of hosts."""

import shutil
import statistics

from benchmarks.bars import Bar, at_most
from benchmarks.continuous.session import run
from benchmarks.engine.session import FOLDER
from benchmarks.serving.session import Outcome, Section, table_of

_FOLDER = FOLDER / "continuous-checkpoint"
_MADE_ON, _ONTO = "3", "2"
_ALLOWED_BYTES = 256 * 2**20
_KINDS = {
    "restore": "plain restore",
    "alike": "warm start, 5 % of the rows fresh",
    "shuffled": "warm start, every row moved to another place",
}


def _measure(_: int) -> Outcome:
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(parents=True)
    try:
        run("warm/make", "warm_start", "make", _FOLDER, _MADE_ON)
        said = run("warm", "warm_start", "measure", _FOLDER, _ONTO)
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)
    return Outcome({}, {"warm": said}, {})


def _bars(outcome: Outcome) -> list[Bar]:
    said = outcome.found["warm"]
    times = {kind: statistics.median(said["seconds"][kind]) for kind in _KINDS}
    return [
        at_most(
            f"warm start of {said['shard_bytes'] / 1e9:.1f} GB / plain restore",
            times["alike"] / times["restore"],
            1.5,
        ),
        at_most(
            "memory of a warm start above the shards / 256 MB",
            said["extra_bytes"]["alike"] / _ALLOWED_BYTES,
            1,
        ),
    ]


def _table(outcome: Outcome) -> str:
    said = outcome.found["warm"]
    rows = [
        [
            name,
            f"{statistics.median(said['seconds'][kind]):.2f} s",
            f"{said['extra_bytes'][kind] / 2**20:.0f} MiB",
        ]
        for kind, name in _KINDS.items()
    ]
    return table_of(["from 3 hosts onto 2", "time", "memory above the shards"], rows)


SECTION = Section("Warm start of a large table", _measure, _bars, _table)
