"""The runs of data in spans: one after the other, until nothing is due."""

from collections.abc import Callable
from typing import Any

from shardline.components.contracts.text_file import TextFileError
from shardline.components.readers.files import BadInputError
from shardline.components.span_planner.calendar import SpanError
from shardline.configs.schema import Run
from shardline.pipeline.metadata.run_error import RefusedError, RunError
from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.runners.events import Event, EventWriter
from shardline.pipeline.span_runs import next_plan

Launch = Callable[..., dict[str, str]]


def run_due_spans(
    run: Run,
    data: str,
    run_folder: RunFolder,
    launch: Launch,
    writer: EventWriter,
    result: dict[str, Any],
    *,
    at_most: int | None,
    retry: bool,
) -> dict[str, str]:
    """Runs the pipeline for each plan that is due, and returns what to show.

    Args:
        run: the configuration.
        data: where the raw data lies.
        run_folder: where outputs go.
        launch: runs the pipeline, as `runners.launch.Launch`; takes the digest of what
            it plans by.
        writer: where events go.
        result: gets `spans`, those that models were trained on, and `is_more_due`.
        at_most: how many plans; None: all.
        retry: whether a model that was refused last is trained and judged again.

    Returns:
        What to show of the last run, with a line for each; or why none was due.

    Raises:
        RefusedError: if a gate kept the last model from being published; where the run
            stops then, any model, now or before.
    """
    shown: dict[str, str] = {}
    lines: list[str] = []
    result |= {"spans": [], "is_more_due": False}
    refused: RefusedError | None = None
    while at_most is None or len(lines) < at_most:
        plan, known_by = next_plan(run, data, str(run_folder.serving), retry=retry)
        if not plan.is_due:
            if plan.is_refused and not lines:
                raise RunError(f"Nothing was trained, waiting for {plan.waits_for}")
            shown["Waiting for"] = plan.waits_for
            break
        trained, judged = plan.spans, plan.evaluate
        told = f"{plan.reason}: trains on {trained}, judged on {judged}"
        writer.send(Event("began", text=told))
        retry, refused = False, None
        line = f"{trained}: judged on {judged}"
        try:
            shown = launch(known_by)
            auc = shown.get("AUC", "").partition(" ")[0]
            lines.append(f"{line}, AUC {auc}" if auc else line)
        except RefusedError as error:
            if run.evaluation.when_refused == "stop":
                result["spans"].append(trained)
                raise
            refused = error
            lines.append(f"{line}, refused")
        result["spans"].append(trained)
    else:
        result["is_more_due"] = _is_more_due(run, data, run_folder)
    if refused:
        raise refused
    if not lines:
        return {
            "Nothing is due": f"waiting for {shown['Waiting for']}",
            "Everything": str(run_folder.root),
        }
    return {"Spans": "\n".join(lines), **shown}


def _is_more_due(run: Run, data: str, run_folder: RunFolder) -> bool:
    """Tells whether another call would train, or say why it cannot."""
    try:
        plan, _ = next_plan(run, data, str(run_folder.serving))
    except (BadInputError, OSError, SpanError, TextFileError):
        return True
    return plan.is_due
