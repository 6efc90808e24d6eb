"""Verdicts on cases and groups, and the report of all of them."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from shardline.embedding.conformance.comparison import Difference, Outcome

Verdict = Literal["passed", "failed", "not supported", "not run"]

_FORMAT = 1
# Lines of an error that lists what is wrong.
_LISTED = 3


@dataclasses.dataclass(frozen=True)
class CaseVerdict:
    """What became of a case.

    Attributes:
        name: the name of the case, or of what was checked.
        verdict: one of `Verdict`.
        why: of what did not pass, a sentence.
        share: the largest distance as a share of what is allowed.
        difference: the first value outside of its bound.
    """

    name: str
    verdict: Verdict
    why: str = ""
    share: float = 0.0
    difference: Difference | None = None

    def as_json(self) -> dict[str, Any]:
        """Returns it for the report."""
        found: dict[str, Any] = {"name": self.name, "verdict": self.verdict}
        if self.why:
            found["why"] = self.why
        if math.isfinite(self.share) and self.verdict in ("passed", "failed"):
            found["share_of_bound"] = self.share
        if self.difference:
            found["difference"] = {
                key: str(value)
                if isinstance(value, float) and not math.isfinite(value)
                else value
                for key, value in dataclasses.asdict(self.difference).items()
            }
        return found


def judged(name: str, outcomes: Iterable[Outcome]) -> CaseVerdict:
    """Returns the verdict on what was compared.

    Args:
        name: the name of the case, or of what was checked.
        outcomes: in order; the first difference is told.
    """
    whole = Outcome()
    for outcome in outcomes:
        whole = whole.and_then(outcome)
    difference = whole.difference
    if difference is None:
        return CaseVerdict(name, "passed", share=whole.share)
    table = "" if difference.table == name else f"table {difference.table}, "
    return CaseVerdict(name, "failed", f"{table}{difference}", whole.share, difference)


def failed(name: str, error: Exception) -> CaseVerdict:
    """Returns the verdict on what ended with an error."""
    first, *others = str(error).strip().splitlines() or [""]
    # What comes after a colon is a list; what else comes is a trace.
    told = [first, *others[:_LISTED]] if first.endswith(":") else [first]
    return CaseVerdict(name, "failed", f"{type(error).__name__}: {' '.join(told)}")


@dataclasses.dataclass(frozen=True)
class GroupVerdict:
    """What became of the cases of a group.

    Attributes:
        name: the group's.
        cases: in order.
        seconds: how long they took.
    """

    name: str
    cases: Sequence[CaseVerdict]
    seconds: float

    @property
    def verdict(self) -> Verdict:
        """Failed if a case is; passed if one is and the others are not supported."""
        found = {case.verdict for case in self.cases}
        order: tuple[Verdict, ...] = ("failed", "not run", "passed")
        return next((word for word in order if word in found), "not supported")

    @property
    def share(self) -> float:
        """The largest distance of its cases as a share of what is allowed."""
        return max((case.share for case in self.cases), default=0.0)

    def count(self, verdict: Verdict) -> int:
        """Returns how many of its cases have a verdict."""
        return sum(case.verdict == verdict for case in self.cases)

    def as_json(self) -> dict[str, Any]:
        """Returns it for the report."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "seconds": round(self.seconds, 2),
            "cases": [case.as_json() for case in self.cases],
        }


@dataclasses.dataclass(frozen=True)
class Report:
    """All verdicts, and of what.

    Attributes:
        placement: where the engine ran, in words.
        environment: versions, devices and processor, by name.
        groups: in order.
    """

    placement: str
    environment: Mapping[str, str]
    groups: Sequence[GroupVerdict]

    @property
    def has_passed(self) -> bool:
        """Whether no group failed or was left out, and at least one passed."""
        found = {group.verdict for group in self.groups}
        return "passed" in found and found <= {"passed", "not supported"}

    def as_json(self) -> dict[str, Any]:
        """Returns the report for a file."""
        return {
            "format": _FORMAT,
            "placement": self.placement,
            "passed": self.has_passed,
            "environment": dict(self.environment),
            "groups": [group.as_json() for group in self.groups],
        }
