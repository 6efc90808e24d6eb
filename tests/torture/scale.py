"""How much torture there is: KILLS says it, and everything else follows from it.

`make torture` asks for 500 kills, all other runs of the tests for 10. A test tells its
counts as a line of `build/torture.jsonl`, from which `make torture` prints a summary.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

KILLS = int(os.environ.get("KILLS", "10"))
_FULL_KILLS = 500
_REPORT = "SHARDLINE_TORTURE_REPORT"


def is_full() -> bool:
    """Returns whether everything is to be tried that can be tried."""
    return KILLS >= _FULL_KILLS


def of(full: int, *, least: int) -> int:
    """Returns how many of something there are, if there are `full` at 500 kills."""
    return max(least, full * min(KILLS, _FULL_KILLS) // _FULL_KILLS)


def tell(part: str, counts: Mapping[str, int]) -> None:
    """Adds what a part of the torture did to the report, if one is wanted."""
    if report := os.environ.get(_REPORT):
        with Path(report).open("a") as file:
            file.write(json.dumps({"part": part, **counts}) + "\n")
