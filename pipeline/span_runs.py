"""What the next run of data in spans would do, found before a pipeline is built."""

import json

from shardline.components.contracts.spans.plan import SpanPlan
from shardline.components.contracts.spans.state import SpanState, load_state
from shardline.components.readers.files import read_settings, reader_of
from shardline.components.readers.files.spans.found import SpansOfFiles
from shardline.components.readers.span_reader import FoundSpan
from shardline.components.span_planner.discovery import spans_there
from shardline.components.span_planner.planning import known_by, make_plan, settings_of
from shardline.components.span_recorder.edits import retried
from shardline.configs.schema import Run


def next_plan(
    run: Run, data_path: str, serving_dir: str, *, retry: bool = False
) -> tuple[SpanPlan, str]:
    """Returns what the next run trains on, as its SpanPlanner will find it.

    Args:
        run: the configuration, of data that comes in spans.
        data_path: the location of the raw data.
        serving_dir: the folder of published models, with the state.
        retry: whether, if nothing is due because a model was refused, the state goes
            back to before that; the caller holds the run folder.

    Returns:
        The plan, and its digest.

    Raises:
        BadInputError: if what is there cannot be read.
        SpanError: if spans overlap, are missing or have changed.
        StateError: if the state is damaged or of another run.
    """
    state, found = load_state(serving_dir, run.name), found_spans(run, data_path)
    plan = planned(run, state, found)
    if retry and plan.is_refused:
        state = retried(state)
        state.save(serving_dir)
        plan = planned(run, state, found)
    return plan, known_by(plan)


def found_spans(run: Run, data_path: str) -> list[FoundSpan]:
    """Returns all versions of all spans that are there.

    Args:
        run: the configuration, of data that comes in spans.
        data_path: the location of the raw data.

    Raises:
        BadInputError: if what is there cannot be read.
        SpanError: if the reader does not tell spans.
    """
    files, rules = run.data.files, run.data.spans
    if files and rules:  # without Beam, which takes seconds to import
        of_files = SpansOfFiles(
            files.splits["train"],
            read_settings.settings_of(run.data, run),
            column=rules.column,
            every=rules.every,
        )
        return of_files.found(data_path)
    reader, options = reader_of(run.data, run)
    return spans_there(reader, json.dumps(options, sort_keys=True), data_path)


def planned(run: Run, state: SpanState, found: list[FoundSpan]) -> SpanPlan:
    """Returns what is trained on next.

    Args:
        run: the configuration, of data that comes in spans.
        state: what runs have done.
        found: the spans that are there.

    Raises:
        SpanError: if spans overlap, are missing or have changed.
    """
    warm_start = run.training.warm_start
    settings = settings_of(run.data, run.evaluation, warm_start=warm_start)
    return make_plan(state, found, settings)
