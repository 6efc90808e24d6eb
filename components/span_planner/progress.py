"""What the runs of a state have trained on, as planning asks for it."""

from collections.abc import Sequence

from shardline.components.contracts.spans.plan import Part, PlannedSpan
from shardline.components.contracts.spans.state import SpanState
from shardline.components.readers.span_reader import FoundSpan
from shardline.configs.span_names import SpanName, read_span

_Version = tuple[str, int]


class Progress:
    """Which versions and parts of spans are behind the base that runs go on from.

    Attributes:
        passed: spans of refused models that are gone on without.
        frontier: the newest span that a run trained on, or was passed; None: no one.
    """

    def __init__(self, state: SpanState, passed: Sequence[PlannedSpan]) -> None:
        """Reads a state.

        Args:
            state: the state.
            passed: spans that are passed besides those that its plans tell.
        """
        self._trained: dict[_Version, dict[Part, str]] = {}
        self._skipped = state.skipped
        self._erased = frozenset(state.erased)
        for run in state.runs:
            if run.verdict != "refused":
                for one in run.plan.newly_trained:
                    parts = self._trained.setdefault((one.span, one.version), {})
                    parts[one.part] = one.digest
        earlier = [one for run in state.runs for one in run.plan.passed]
        self.passed = {(one.span, one.version, one.part) for one in (*earlier, *passed)}
        self._versions: dict[str, set[int]] = {}
        passed_versions = {(span, version) for span, version, _ in self.passed}
        for span, version in {*self._trained, *passed_versions}:
            self._versions.setdefault(span, set()).add(version)
        dated = [name for name in map(read_span, self._versions) if name]
        self.frontier: SpanName | None = max(
            dated, key=lambda name: name.start, default=None
        )

    def is_done(self, found: FoundSpan) -> bool:
        """Tells whether this version of a span, or a newer one, needs no run."""
        if found.span in self._skipped:
            return True
        return max(self._versions.get(found.span, ()), default=0) >= found.version

    def has_earlier(self, found: FoundSpan) -> bool:
        """Tells whether an earlier version of a span was trained on or passed."""
        oldest = min(self._versions.get(found.span, ()), default=found.version)
        return oldest < found.version

    def is_skipped(self, name: str) -> bool:
        """Tells whether a person has left a span out."""
        return name in self._skipped

    def parts(self, found: FoundSpan) -> list[Part]:
        """Returns which parts of this version were trained on, as few as tell it."""
        parts = self._trained.get((found.span, found.version), {})
        if "all" in parts or {"head", "tail"} <= set(parts):
            return ["all"]
        return list(parts)

    def has_open_tail(self, found: FoundSpan) -> bool:
        """Tells whether the tail of this version is to be trained on."""
        is_passed = (found.span, found.version, "tail") in self.passed
        return self.parts(found) == ["head"] and not is_passed

    def digest(self, found: FoundSpan) -> str | None:
        """Returns what this version's digest was when it was trained on; None: never.

        Of several parts that were trained on at different times, the last one's. None,
        too, if something was erased since: then the data may be another.
        """
        if found.span in self._erased:
            return None
        parts = self._trained.get((found.span, found.version), {})
        return list(parts.values())[-1] if parts else None
