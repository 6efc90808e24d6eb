"""A table of 6 GB in four host shards: exported and loaded without a second copy."""

import shutil

from benchmarks.bars import Bar, at_most
from benchmarks.serving.session import MODELS, Outcome, Section, run, table_of

ROWS, HOSTS = 24_000_000, 4
_FOLDER = MODELS / "large"
_ACTIONS = ("make", "export", "load")
_LIMIT_S = 1200


def _measure(_: int) -> Outcome:
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(parents=True)
    sizes = ["--rows", str(ROWS), "--hosts", str(HOSTS)]
    try:
        found = {
            action: run(
                f"large/{action}", "large", action, _FOLDER, *sizes, limit_s=_LIMIT_S
            )
            for action in _ACTIONS
        }
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)
    return Outcome({}, {"large": found}, {})


def _bars(outcome: Outcome) -> list[Bar]:
    found = outcome.found["large"]
    export, load = found["export"], found["load"]
    shard = export["table_bytes"] / HOSTS
    return [
        at_most(
            "export of a 6 GB table: peak memory above the largest host shard",
            (export["peak_bytes"] - shard) / 1e6,
            512,
            "MB",
        ),
        at_most(
            "loading a 6 GB table: memory it takes at most / bytes of the table",
            (load["peak_bytes"] - load["before_bytes"]) / load["table_bytes"],
            1.1,
        ),
    ]


def _table(outcome: Outcome) -> str:
    header = ["process", "time", "memory before", "memory after", "peak"]
    rows = [
        [
            action,
            f"{found['seconds']:.1f} s",
            *(
                f"{found[f'{key}_bytes'] / 1e9:.2f} GB"
                for key in ("before", "after", "peak")
            ),
        ]
        for action, found in outcome.found["large"].items()
    ]
    return table_of(header, rows)


SECTION = Section("a table of 6 GB on four hosts", _measure, _bars, _table)
