"""Checks an engine in one place, group by group."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import tensorflow as tf

from shardline.embedding.cluster import HostLostError
from shardline.embedding.conformance.cases import Case, Group
from shardline.embedding.conformance.environment import environment
from shardline.embedding.conformance.expected_errors import logged_errors_left_out
from shardline.embedding.conformance.interchange import Interchange
from shardline.embedding.conformance.placement import Placement
from shardline.embedding.conformance.time_limit import NoAnswerError, TimeLimit
from shardline.embedding.conformance.training import Trial
from shardline.embedding.conformance.verdicts import (
    CaseVerdict,
    GroupVerdict,
    Report,
    failed,
    judged,
)

# The one group whose cases are moved; what is judged are the moves.
_MOVED = "checkpoints"
# After these, nothing that this process asks of the engine may return.
_ENDS = (NoAnswerError, HostLostError)


class Kit:
    """Groups, checked one after the other, until all are or a call hangs."""

    def __init__(
        self,
        placement: Placement,
        *,
        limit: TimeLimit | None = None,
        folder: Path | None = None,
    ):
        """Takes where and how.

        Args:
            placement: where the engine runs.
            limit: of each call: making an engine, a step, a save; None for the default.
            folder: an existing one, where checkpoints lie for a moment; a cluster's
                hosts all see it by this path. None for the temporary folder.
        """
        self._placement, self._folder = placement, folder
        self._limit = limit or TimeLimit()
        self._stopped = ""

    def report(
        self,
        groups: Sequence[Group],
        on_group: Callable[[GroupVerdict], None] = lambda _: None,
    ) -> Report:
        """Checks groups.

        Args:
            groups: what to check.
            on_group: called with each verdict as soon as it is there.
        """
        verdicts = []
        for group in groups:
            verdicts.append(self._group(group))
            on_group(verdicts[-1])
        return Report(self._placement.name, environment(), verdicts)

    @property
    def hangs(self) -> bool:
        """Whether a call did not return, or a host was lost: this process may hang."""
        return bool(self._stopped)

    def _group(self, group: Group) -> GroupVerdict:
        started_s = time.monotonic()
        if self._stopped:
            cases = [CaseVerdict(group.name, "not run", self._stopped)]
            return GroupVerdict(group.name, cases, 0.0)
        refusals = {
            case.name: self._placement.refusal(case, group.pipelined)
            for case in group.cases
        }
        found = {
            name: CaseVerdict(name, "not supported", why)
            for name, why in refusals.items()
            if why
        }
        here = [case for case in group.cases if not refusals[case.name]]
        found |= {verdict.name: verdict for verdict in self._judged(group, here)}
        seconds = time.monotonic() - started_s
        return GroupVerdict(group.name, list(found.values()), seconds)

    def _judged(self, group: Group, cases: Sequence[Case]) -> list[CaseVerdict]:
        """Returns verdicts on what this place has; takes note if a call hangs.

        Whatever ends the group, verdicts that were reached before it stay.
        """
        found: list[CaseVerdict] = []
        if not cases:
            return found
        is_moved = group.name == _MOVED
        try:
            checks = (
                self._moved(cases) if is_moved else self._trained_apart(group, cases)
            )
            for verdict in checks:
                found.append(verdict)
        except _ENDS as error:
            self._stopped = f"{group.name} ended this process's use of the engine"
            names = ["later checks"] if is_moved else [case.name for case in cases]
            left = set(names) - {verdict.name for verdict in found}
            found.append(failed(group.name, error))
            found += [
                CaseVerdict(name, "not run", self._stopped)
                for name in names
                if name in left
            ]
        # Whatever it is, it is what became of the group.
        except Exception as error:
            found.append(failed(group.name, error))
        return found

    def _moved(self, cases: Sequence[Case]) -> Iterator[CaseVerdict]:
        with tempfile.TemporaryDirectory(
            dir=self._folder, prefix="shardline-conformance-"
        ) as folder:
            yield from Interchange(
                self._placement, cases, Path(folder), self._limit
            ).verdicts()

    def _trained_apart(
        self, group: Group, cases: Sequence[Case]
    ) -> Iterator[CaseVerdict]:
        """Trains cases side by side; those that are to be refused one by one."""
        together = [case for case in cases if not case.is_refused]
        if together:
            yield from self._trained(group, together)
        for case in (case for case in cases if case.is_refused):
            yield self._refused(case)

    def _trained(self, group: Group, cases: Sequence[Case]) -> Iterator[CaseVerdict]:
        try:
            trial = Trial(
                self._placement, cases, self._limit, pipelined=group.pipelined
            )
            for step in range(len(cases[0].steps)):
                trial.train(step)
        except _ENDS:
            raise
        # Whatever it is, it is what became of a case.
        except Exception as error:
            if len(cases) == 1:
                yield failed(cases[0].name, error)
                return
            # Each in an engine of its own, to see which of them it is.
            for case in cases:
                yield from self._trained(group, [case])
            return
        for name, outcome in trial.outcomes.items():
            yield judged(name, [outcome])

    def _refused(self, case: Case) -> CaseVerdict:
        """Judges a case whose last step must be an error that changes nothing."""
        try:
            return self._judged_refusal(case)
        except _ENDS:
            raise
        # Another error than the one that is wanted.
        except Exception as error:
            return failed(case.name, error)

    def _judged_refusal(self, case: Case) -> CaseVerdict:
        trial = Trial(self._placement, [case], self._limit)
        *steps, last = range(len(case.steps))
        for step in steps:
            trial.train(step)
        try:
            with logged_errors_left_out():
                trial.activations(last)
        except tf.errors.InvalidArgumentError:
            trial.compare_state(last)
            return judged(case.name, trial.outcomes.values())
        why = f"step {last + 1} was taken; its policy is to refuse it"
        return CaseVerdict(case.name, "failed", why)


def write_json(report: Report, path: Path) -> None:
    """Writes a report to a file.

    Raises:
        OSError: if it cannot be written.
    """
    path.write_text(json.dumps(report.as_json(), indent=1) + "\n")
