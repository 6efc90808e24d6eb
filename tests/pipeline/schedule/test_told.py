"""What a scheduler says of starts and runs, and what hooks are told."""

import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shardline.configs.schedule import Retries, Schedule
from shardline.pipeline.schedule.due import what_follows
from shardline.pipeline.schedule.start import PastRun, Start
from shardline.pipeline.schedule.told import facts_of_run, run_told, start_told

pytestmark = pytest.mark.orchestration
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
BERLIN = Schedule(every="1h", timezone="Europe/Berlin")


def past(outcome: Any = "done", code: int = 0, **facts: Any) -> PastRun:
    return PastRun(
        start=Start(due=NOON),
        started=NOON,
        ended=NOON + timedelta(seconds=90),
        outcome=outcome,
        exit_code=code,
        log="a.log",
        **facts,
    )


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, "due at 2026-11-30 13:00:00 CET"),
        ({"kind": "triggered"}, "asked for at 2026-11-30 13:00:00 CET"),
        ({"attempt": 3}, "due at 2026-11-30 13:00:00 CET, repetition 2"),
        ({"stands_for": 3}, "due at 2026-11-30 13:00:00 CET, for 3 that were due"),
        (
            {"stands_for": 1000},
            "due at 2026-11-30 13:00:00 CET, for more than 1000 that were due",
        ),
    ],
)
def test_start_is_told_by_the_clocks_of_its_zone(
    facts: dict[str, Any], told: str
) -> None:
    assert start_told(Start(due=NOON, **facts), BERLIN) == told


def test_run_is_told_with_what_it_made_and_what_follows() -> None:
    done = past(spans=("2026-11-29",), version="7", is_more_due=True)
    failed = past("failed", 75, failure="no network\nand more")
    retries = Retries(wait="1m")
    follows = what_follows(failed, retries)
    assert follows
    repeated = failed.model_copy(update={"repeated_at": follows.at})

    assert run_told(past(), None, BERLIN) == "done after 90 s, nothing was due."
    assert run_told(done, what_follows(done, retries), BERLIN) == (
        "done after 90 s, trained on 2026-11-29, published version 7. Started again, "
        "for more spans are due"
    )
    assert run_told(repeated, follows, BERLIN) == (
        "failed after 90 s: no network. Repeated at 2026-11-30 13:02:30 CET"
    )


def test_program_starts_with_the_facts_of_any_failure() -> None:
    facts = facts_of_run(past("failed", 1, failure="\0long " * 100_000))

    printed = subprocess.run(
        ["/usr/bin/env"], env=facts, capture_output=True, text=True, check=True
    )

    assert "SHARDLINE_EXIT_CODE=1\n" in printed.stdout
    assert "SHARDLINE_FAILURE= long  long " in printed.stdout
