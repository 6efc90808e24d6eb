"""What a run trains next, and what it builds on: `plan.json` of a SpanPlan."""

from typing import Literal

from pydantic import Field

from shardline.components.contracts.spans.profile import SpanProfile
from shardline.components.contracts.text_file import read_text, write_text
from shardline.configs.section import Section

_FILE = "plan.json"

# Of a span, what is read: everything, or what comes before and after the last part by
# time, which `evaluation.on: held_out` judges on before it is trained on.
Part = Literal["all", "head", "tail"]


class PlannedSpan(Section):
    """One version of one span.

    Attributes:
        span: its name, such as 2026-11-30 or 17.
        version: the number of the version, from 1 on.
        digest: of its raw data, by names, sizes and times, or by content.
        part: which part of it.
    """

    span: str
    version: int = 1
    digest: str
    part: Part = "all"

    def __str__(self) -> str:
        """Returns how people and lineage name it, such as `2026-11-30`."""
        return f"{self.whole}{'' if self.part == 'all' else f'/{self.part}'}"

    @property
    def whole(self) -> str:
        """How the whole span is named, whatever part of it this is."""
        return f"{self.span}.v{self.version}" if self.version > 1 else self.span


class Base(Section):
    """What a training goes on from: folders of an earlier run's artifacts.

    Attributes:
        checkpoint: a HostShardedCheckpoint.
        vocabularies: a LivingVocabulary, that of the checkpoint.
        transform_graph: the graph that made its training data.
        steps: training steps behind it.
        spans: what it has learnt, as lineage names it; `1 to 7` are all from 1 to 7.
    """

    checkpoint: str
    vocabularies: str
    transform_graph: str
    steps: int
    spans: tuple[str, ...]


class SpanPlan(Section):
    """What a run trains next.

    Attributes:
        train: the spans to train on, oldest first; none if nothing is due.
        new: those of them (by `str`) that no earlier run has trained on. Their tokens
            are counted into the vocabularies; the others' were before.
        passed: spans of refused models that are gone on without.
        evaluate: the span, or part of one, to judge on; no model has seen it.
        base: what it goes on from; None: it begins.
        warm_start: whether training goes on from the base's checkpoint; else the base
            counts for its vocabularies alone.
        baseline: folder of the Model artifact that was never updated; None: there is
            none yet, and this run's model will be it.
        history: what spans were like that earlier runs trained on, by name; the last
            twelve, oldest first. Gates compare with them.
        reason: why these, for people: "the next span", "a late span", ...
        waits_for: why nothing is due, for people; "" if something is.
        is_refused: whether that is because the last model was refused.
    """

    train: tuple[PlannedSpan, ...] = ()
    new: tuple[str, ...] = ()
    passed: tuple[PlannedSpan, ...] = ()
    evaluate: PlannedSpan | None = None
    base: Base | None = None
    warm_start: bool = True
    baseline: str | None = None
    history: dict[str, SpanProfile] = Field(default_factory=dict)
    reason: str = ""
    waits_for: str = ""
    is_refused: bool = False

    @property
    def is_due(self) -> bool:
        """Whether there is something to train."""
        return bool(self.train)

    @property
    def newly_trained(self) -> tuple[PlannedSpan, ...]:
        """The spans to train on that no earlier run has trained on."""
        return tuple(span for span in self.train if str(span) in self.new)

    @property
    def spans(self) -> str:
        """The spans to train on, as lineage names them: "2026-11-29, 2026-11-30"."""
        return ", ".join(map(str, self.train))

    def save(self, folder: str) -> None:
        """Writes the plan into an artifact's folder."""
        write_text(folder, _FILE, self.model_dump_json(indent=1))


def load_plan(folder: str) -> SpanPlan:
    """Reads the plan in an artifact's folder.

    Raises:
        FileNotFoundError: if there is none.
    """
    return SpanPlan.model_validate_json(read_text(folder, _FILE))


class Trained(Section):
    """One run that came to its end: an entry of the state.

    Attributes:
        plan: what it did.
        base: what the next run goes on from: its own checkpoint, or its base again if
            the model was refused.
        model: folder of its Model artifact.
        verdict: what became of the model.
        version: that was published; "" for none.
        reasons: why it was refused, or what force overrode.
        profiles: what the spans were like that it trained on, by name of the whole
            span.
        metrics: of the candidate, on what it was judged on.
        ended: when, ISO 8601.
    """

    plan: SpanPlan
    base: Base | None
    model: str
    verdict: Literal["published", "forced", "refused"]
    version: str = ""
    reasons: tuple[str, ...] = ()
    profiles: dict[str, SpanProfile] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)
    ended: str = ""
