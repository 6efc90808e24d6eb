"""Whether a start is due: pure functions of the rhythm, what was seen, and the time.

A start is missed if it was due while no scheduler ran, while the machine slept, or
while another run (with its repetitions) went on.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from shardline.configs.schedule import Retries
from shardline.pipeline.runners.passing import exit_code_can_pass
from shardline.pipeline.schedule.rhythm import Rhythm
from shardline.pipeline.schedule.start import PastRun, Start, Waiting

# A start that comes so late is missed, if nothing else was in the way.
_ON_TIME = timedelta(minutes=1)
# As in Debian's cron: what is due again after so small a step back was done already.
_SMALL_STEP = timedelta(hours=3)


class Looked(NamedTuple):
    """What a look at the clock has found.

    Attributes:
        start: that is due now; None for none.
        seen_until: starts that were due until then are dealt with, this one too.
        skipped: how many starts were missed and are left out.
    """

    start: Start | None
    seen_until: datetime
    skipped: int = 0


def look(
    rhythm: Rhythm,
    missed: Literal["once", "each", "skip"],
    *,
    seen_until: datetime,
    free_since: datetime,
    now: datetime,
) -> Looked:
    """Returns the start that is due, if one is.

    Args:
        rhythm: when starts are due.
        missed: what is done about those that were missed.
        seen_until: starts that were due until then have been dealt with.
        free_since: since when a scheduler runs, and no run.
        now: the time.
    """
    if now < seen_until:
        was_small = seen_until - now <= _SMALL_STEP
        return Looked(None, seen_until if was_small else now)
    if (first := rhythm.after(seen_until)) > now:
        return Looked(None, seen_until)
    if missed == "each":
        return Looked(Start(due=first), first)
    last, count = rhythm.until(now), rhythm.count(seen_until, now)
    if missed == "once":
        return Looked(Start(due=last, stands_for=count), last)
    if last >= free_since and now - last <= _ON_TIME:
        return Looked(Start(due=last), last, count - 1)
    return Looked(None, last, count)


def what_follows(run: PastRun, retries: Retries) -> Waiting | None:
    """Returns the start that follows on a run by itself, before any other.

    Args:
        run: that came to an end.
        retries: how often and when a failure that can pass is repeated.
    """
    if run.outcome == "interrupted":
        why = "its run was interrupted"
        return Waiting(start=run.start, at=run.ended, why=why, log=run.log)
    if run.outcome == "killed":
        return _after_kill(run, retries)
    if run.is_more_due:
        why = "more spans are due"
        return Waiting(start=run.start.anew, at=run.ended, why=why, log=run.log)
    if run.outcome == "failed" and exit_code_can_pass(run.exit_code or 0):
        return _repetition(run, run.start.again, "its failure can pass", retries)
    return None


def _after_kill(run: PastRun, retries: Retries) -> Waiting | None:
    """Returns what follows on a run whose scheduler was killed.

    Once that is no fault of the run. Again and again it may be, such as by the memory
    that it takes.
    """
    killed = {"killed": run.start.killed + 1}
    if run.start.killed:
        start = run.start.again.model_copy(update=killed)
        return _repetition(run, start, "its scheduler was killed again", retries)
    start = run.start.model_copy(update=killed)
    return Waiting(start=start, at=run.ended, why="its run was killed", log=run.log)


def _repetition(
    run: PastRun, start: Start, why: str, retries: Retries
) -> Waiting | None:
    """Returns a start that waits, if the run may be repeated once more."""
    if run.start.attempt > retries.attempts:
        return None
    wait = wait_before(run.start.attempt, retries)
    return Waiting(start=start, at=run.ended + wait, wait=wait, why=why, log=run.log)


def wait_before(repetition: int, retries: Retries) -> timedelta:
    """Returns how long a repetition waits.

    Args:
        repetition: which, from 1 on.
        retries: section `retries`.
    """
    try:
        wait = retries.wait * retries.factor ** (repetition - 1)
    except OverflowError:
        return retries.longest
    return min(wait, retries.longest)
