"""A run of a part of the pipeline that does not plan, of data in spans.

It goes on with the plan in hand: the newest that was made, if it was made from the
state that there is and is not recorded there. So one process after the other runs the
components of one plan, whatever spans come meanwhile; a process that comes once more,
or when nothing was due, finds no plan in hand and does nothing.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from shardline.components.contracts.spans.plan import SpanPlan, load_plan
from shardline.components.contracts.spans.state import SpanState, load_state
from shardline.components.span_recorder.edits import retried
from shardline.configs.schema import Run
from shardline.pipeline.metadata.run_error import RunError
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.runners.events import Event, EventWriter
from shardline.pipeline.span_runs import next_plan

if TYPE_CHECKING:
    from shardline.pipeline.metadata.earlier_runs import EarlierRun


class _NotInHandError(RunError):
    """The newest plan is done, or was not made from the state that there is."""


class PartLaunch(Protocol):
    """Runs a part of the pipeline, as `runners.launch.Launch` does."""

    def __call__(self, data_version: str, on_earlier: Any) -> dict[str, str]:
        """Runs it, and returns what to show."""
        ...


def go_on_with_plan(
    run: Run,
    data: Callable[[], str],
    run_folder: RunFolder,
    launch: PartLaunch,
    writer: EventWriter,
    result: dict[str, Any],
    *,
    retry: bool,
) -> dict[str, str]:
    """Runs a part of the pipeline on the plan in hand, and returns what to show.

    Args:
        run: the configuration.
        data: tells where the raw data lies; asked where no plan is in hand.
        run_folder: where outputs go.
        launch: runs the part.
        writer: where events go.
        result: gets `spans`, those of the plan, if the part came to its end, and
            `is_more_due`, which is False: the next plan is made by another part.
        retry: whether the plan of a model that was refused last is in hand again.

    Returns:
        What to show; or why nothing was done.

    Raises:
        RefusedError: if a gate kept the model from being published, and the part ends
            the pipeline.
        RunError: if the part did not come to its end.
    """
    result |= {"spans": [], "is_more_due": False}
    serving = str(run_folder.serving)
    state = load_state(serving, run.name)
    taken_up: list[str] = []
    is_undone = retry and state.refused is not None
    if is_undone:
        state = retried(state)

    def take_up(earlier: "EarlierRun") -> None:
        plan = load_plan(earlier.executions["SpanPlanner"].outputs["plan"].uri)
        if not state.can_record(plan):
            raise _NotInHandError
        if is_undone:
            state.save(serving)
        taken_up.append(plan.spans)
        told = f"the plan in hand: trains on {plan.spans}, judged on {plan.evaluate}"
        writer.send(Event("began", text=told))

    # TFX, which knows which plan is the newest, takes seconds to load.
    if any(state.can_record(plan) for plan in _plans(run_folder)):
        try:
            shown = launch("", on_earlier=take_up)
        except _NotInHandError:
            pass
        else:
            result["spans"] = taken_up
            return shown
    return _without_plan(run, data(), run_folder, state)


def _plans(run_folder: RunFolder) -> Iterator[SpanPlan]:
    """Yields all plans that were made."""
    for folder in (run_folder.artifacts / "SpanPlanner" / "plan").glob("[0-9]*"):
        try:
            yield load_plan(str(folder))
        except (OSError, ValueError):
            continue  # half made; should it be the newest, loading it says so


def _without_plan(
    run: Run, data: str, run_folder: RunFolder, state: SpanState
) -> dict[str, str]:
    """Returns why nothing is done where no plan is in hand.

    Raises:
        RunError: if the last model was refused, which a person is to decide on.
    """
    plan, _ = next_plan(run, data, str(run_folder.serving))
    if plan.is_refused:
        raise RunError(f"Nothing was done, waiting for {plan.waits_for}")
    why = f"waiting for {plan.waits_for}"
    if plan.is_due:
        last = "none was made"
        if state.runs:
            last = f"the last one, to train on {state.runs[-1].plan.spans}, is done"
        why = (
            f"no plan is in hand: {last}. `shardline run` without --from and --only, "
            f"or with --only SpanPlanner, makes one to train on {plan.spans}"
        )
    return {"Nothing is due": why, "Everything": str(run_folder.root)}
