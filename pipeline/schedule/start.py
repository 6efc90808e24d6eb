"""A start of the run: why, since when it is due, and which try it is."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime

from shardline.configs.section import Section

Outcome = Literal["done", "failed", "interrupted", "killed"]


class Start(Section):
    """A start that is due.

    Attributes:
        kind: whether the schedule says so or a person.
        due: since when.
        attempt: 1, and one more for each repetition.
        stands_for: of how many starts that were due, if some were missed.
        killed: how often in a row its scheduler was killed while its run went on.
    """

    kind: Literal["scheduled", "triggered"] = "scheduled"
    due: AwareDatetime
    attempt: int = 1
    stands_for: int = 1
    killed: int = 0

    @property
    def again(self) -> "Start":
        """The repetition after a failure that can pass."""
        return self.model_copy(update={"attempt": self.attempt + 1, "killed": 0})

    @property
    def anew(self) -> "Start":
        """The first try of the same start."""
        return self.model_copy(update={"attempt": 1, "killed": 0})


class Running(Section):
    """A start whose run goes on.

    Attributes:
        start: which.
        started: when its process was started.
        log: what the process prints, relative to the run folder.
    """

    start: Start
    started: AwareDatetime
    log: str


class Waiting(Section):
    """A start that comes as soon as its time does.

    Attributes:
        start: which.
        at: when.
        wait: how long it waits at most, however clocks are put.
        why: why it waits, for people.
        log: of the run before, relative to the run folder.
    """

    start: Start
    at: AwareDatetime
    wait: timedelta = timedelta()
    why: str
    log: str


class PastRun(Section):
    """A run that came to an end: a line of the history.

    Attributes:
        start: what it was started for.
        started: when its process was started.
        ended: when that was found to be gone.
        outcome: how it ended; `killed` is a run that went on when its scheduler was
            killed, and ended with it.
        exit_code: of `shardline run`; None if it was not seen.
        failure: why it failed, for people; "" if it did not.
        version: the version that it published; "" for none.
        spans: of data in spans, those that models were trained on.
        is_more_due: whether the same command would train again.
        repeated_at: when it is repeated; None if it is not.
        log: what the process printed, relative to the run folder.
    """

    start: Start
    started: AwareDatetime
    ended: AwareDatetime
    outcome: Outcome
    exit_code: int | None = None
    failure: str = ""
    version: str = ""
    spans: tuple[str, ...] = ()
    is_more_due: bool = False
    repeated_at: datetime | None = None
    log: str
