"""The text of a DAG: a file for people to read, which imports nothing of Shardline."""

import datetime
from collections.abc import Sequence
from importlib.metadata import version

from shardline.configs.schedule import Retries, Schedule
from shardline.pipeline.airflow.dag import Dag
from shardline.pipeline.airflow.literals import (
    assignment,
    codes_literal,
    duration_literal,
    list_literal,
    text_literal,
)
from shardline.pipeline.airflow.parts import (
    BEGIN,
    CALL,
    HOOK,
    HOOK_OF_LATE,
    LATE_WITHOUT_HOOK,
    ON_TIME,
    OPERATOR,
)
from shardline.pipeline.airflow.timetable import timetable_literal
from shardline.pipeline.runners.passing import EXIT_CODES

_TASK_OF_RUN = '    run = ShardlineOperator(task_id="run")'
_TASKS_OF_COMPONENTS = """\
    # One after the other, as `shardline run` does them, for the same reason.
    tasks = [
        ShardlineOperator(task_id=component, options=["--only", component])
        for component in COMPONENTS
    ]
    sdk.chain(*tasks)"""


def dag_text(dag: Dag) -> str:
    """Returns the text of a DAG; the same facts give the same text.

    Args:
        dag: the facts.
    """
    schedule = dag.schedule
    parts = [_begin(dag), _constants(dag), OPERATOR]
    if schedule:
        parts += _hooks(schedule)
        if schedule.missed == "skip":
            parts.append(ON_TIME)
    parts.append(_dag(dag))
    return "\n\n".join(part.strip("\n") + "\n" for part in parts)


def _begin(dag: Dag) -> str:
    config = repr(str(dag.config))[1:-1].replace('"', '\\"')
    return BEGIN.format(run=dag.run_name, version=version("shardline"), config=config)


def _constants(dag: Dag) -> str:
    """Returns the paths, which components there are, and what exit codes mean."""
    lines = [
        "# It has an environment of its own: Airflow and TFX cannot share one.",
        assignment("SHARDLINE", str(dag.shardline)),
        assignment("CONFIG", str(dag.config)),
        assignment("RUN_FOLDER", str(dag.run_folder)),
        "# Where relative paths of the configuration begin.",
        assignment("FOLDER", str(dag.folder)),
    ]
    if dag.components:
        lines.append(_list("COMPONENTS = ", dag.components))
    lines += [
        "# Exit codes of `shardline run`. Failures that can pass are 75 and, as shells",
        "# have them, the ends by signals that are no crash: SIGKILL, which the kernel",
        "# sends for want of memory, and more.",
        "NOTHING_DUE = 99",
        f"CAN_PASS = {codes_literal(EXIT_CODES)}",
    ]
    return "\n".join(lines)


def _hooks(schedule: Schedule) -> list[str]:
    """Returns the functions that Airflow calls when a run ends or is late."""
    hooks = [
        HOOK.format(event=event, command=_list("    command = ", command))
        for event, command in _commands(schedule).items()
    ]
    if schedule.deadline and schedule.on_late:
        command = _list("    command = ", schedule.on_late)
        hooks.append(HOOK_OF_LATE.format(command=command))
    if hooks:
        hooks.insert(0, CALL)
    if schedule.deadline and not schedule.on_late:
        hooks.append(LATE_WITHOUT_HOOK)
    return hooks


def _commands(schedule: Schedule) -> dict[str, list[str]]:
    """Returns the commands that are called when a run ends, by how it does."""
    commands = {"success": schedule.on_success, "failure": schedule.on_failure}
    return {event: command for event, command in commands.items() if command}


def _dag(dag: Dag) -> str:
    """Returns what makes the DAG and its tasks."""
    schedule = dag.schedule
    timetable = timetable_literal(schedule) if schedule else "None"
    is_each_made_up = schedule is not None and schedule.missed == "each"
    lines = [
        "with sdk.DAG(",
        f"    {text_literal(dag.dag_id)},",
        f"    schedule={timetable},",
        f"    catchup={is_each_made_up},",
        *([_start(dag.first_day)] if is_each_made_up else ()),
        "    # One process at a time works in a run folder. What it does depends on",
        "    # the data that are there, not on a date: there is nothing to backfill.",
        "    max_active_runs=1,",
        "    max_active_tasks=1,",
        '    allowed_run_types=["scheduled", "manual", "operator_triggered"],',
        *_default_arguments(dag),
        *(_called(schedule) if schedule else ()),
        "    doc_md=__doc__,",
        '    tags=["shardline"],',
        "):",
        _TASKS_OF_COMPONENTS if dag.components else _TASK_OF_RUN,
    ]
    if schedule and schedule.missed == "skip":
        first = "tasks[0]" if dag.components else "run"
        lines.append(f"    start_on_time() >> {first}")
    return "\n".join(lines)


def _start(day: datetime.date) -> str:
    date = f"{day.year}, {day.month}, {day.day}"
    return f"    start_date=datetime.datetime({date}, tzinfo=datetime.UTC),"


def _default_arguments(dag: Dag) -> list[str]:
    """Returns the lines that say how tasks are repeated, and in which pool they run."""
    retries = dag.schedule.retries if dag.schedule else Retries()
    return [
        "    default_args={",
        f'        "retries": {retries.attempts},',
        f'        "retry_delay": {duration_literal(retries.wait)},',
        f'        "retry_exponential_backoff": {retries.factor},',
        f'        "max_retry_delay": {duration_literal(retries.longest)},',
        *([f'        "pool": {text_literal(dag.pool)},'] if dag.pool else ()),
        "    },",
    ]


def _called(schedule: Schedule) -> list[str]:
    """Returns the lines that say what is called when a run ends or is late."""
    lines = [f"    on_{event}_callback=on_{event}," for event in _commands(schedule)]
    if schedule.deadline:
        lines += [
            "    deadline=sdk.DeadlineAlert(",
            "        reference=sdk.DeadlineReference.DAGRUN_LOGICAL_DATE,",
            f"        interval={duration_literal(schedule.deadline)},",
            "        callback=sdk.SyncCallback(on_late),",
            "    ),",
        ]
    return lines


def _list(before: str, items: Sequence[str]) -> str:
    return list_literal([text_literal(item) for item in items], before)
