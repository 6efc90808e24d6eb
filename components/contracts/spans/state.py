"""How far a run in spans has come: `spans.json` beside the published models.

The span planner reads it; the span recorder alone writes it, in one piece, when all of
a run is done. So a run that was killed finds the state that it began with.
"""

from pydantic import Field, ValidationError

from shardline.components.contracts.spans.plan import Base, SpanPlan, Trained
from shardline.components.contracts.text_file import (
    TextFileError,
    read_text,
    write_text,
)
from shardline.configs.section import Section

STATE_FILE = "spans.json"
_FORMAT = 1


class SpanState(Section):
    """What runs in spans have done.

    Attributes:
        format: of the file.
        name: of the run's configuration.
        runs: those that came to their end, oldest first.
        skipped: spans that a person has left out, with the reason.
        baseline: folder of the first published Model artifact, which is never updated.
        erased: spans whose raw data may be another than it was when it was trained on,
            for something was erased from it since.
    """

    format: int = _FORMAT
    name: str
    runs: tuple[Trained, ...] = ()
    skipped: dict[str, str] = Field(default_factory=dict)
    baseline: str | None = None
    erased: tuple[str, ...] = ()

    @property
    def base(self) -> Base | None:
        """What the next training goes on from; None: it begins."""
        return self.runs[-1].base if self.runs else None

    @property
    def refused(self) -> Trained | None:
        """The last run, if its model was refused."""
        last = self.runs[-1] if self.runs else None
        return last if last and last.verdict == "refused" else None

    def has_recorded(self, plan: SpanPlan) -> bool:
        """Tells whether the last run that came to its end was that of a plan."""
        # Profiles are in the runs that they are of.
        bare = plan.model_copy(update={"history": {}})
        return bool(self.runs) and self.runs[-1].plan == bare

    def can_record(self, plan: SpanPlan) -> bool:
        """Tells whether a plan was made from this state, and is not done yet."""
        judged = [plan.evaluate] if plan.evaluate else []
        return (
            plan.is_due
            and plan.base == self.base
            and not self.has_recorded(plan)
            and not any(one.span in self.skipped for one in (*plan.train, *judged))
        )

    def save(self, serving_dir: str) -> None:
        """Writes the state; a reader finds the one before or this one, whole."""
        write_text(serving_dir, STATE_FILE, self.model_dump_json(indent=1))


def load_state(serving_dir: str, name: str) -> SpanState:
    """Reads the state beside the published models; an empty one if there is none.

    Args:
        serving_dir: the folder that models are published to.
        name: of the run's configuration.

    Raises:
        StateError: if it is of another run, or damaged, or of another format.
    """
    try:
        text = read_text(serving_dir, STATE_FILE)
    except FileNotFoundError:
        return SpanState(name=name)
    where = f"{serving_dir.rstrip('/')}/{STATE_FILE}"
    try:
        state = SpanState.model_validate_json(text)
    except ValidationError as error:
        raise StateError(
            f"{where} is damaged: {error.errors()[0]['msg']}. Bring the file back, or "
            "remove it: training begins anew then."
        ) from error
    if state.format != _FORMAT:
        raise StateError(
            f"{where} has format {state.format}, and format {_FORMAT} can be read here."
        )
    if state.name != name:
        raise StateError(
            f"{where} is that of run `{state.name}`, and this one is `{name}`. Publish "
            "to another folder."
        )
    return state


class StateError(TextFileError):
    """A state that cannot be gone on from."""
