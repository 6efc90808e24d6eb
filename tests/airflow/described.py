"""Prints what Airflow makes of the DAG files in a folder; runs in its environment."""

import contextlib
import json
import sys
from datetime import timedelta
from typing import Any

import pendulum
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization import encoders
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction


def described(dag: Any) -> dict[str, Any]:
    DagSerialization.serialize_dag(dag)  # as for the scheduler; it refuses what it must
    alerts = dag.deadline or []
    return {
        "schedule": repr(dag.timetable),
        "starts": starts(dag),
        "catchup": dag.catchup,
        "start": dag.start_date and dag.start_date.isoformat(),
        "runs_at_once": dag.max_active_runs,
        "tasks_at_once": dag.max_active_tasks,
        "run_types": sorted(kind.value for kind in dag.allowed_run_types),
        "doc": dag.doc_md,
        "deadlines": [alert.interval.total_seconds() for alert in alerts],
        "hooks": [
            hook.__name__
            for hook in (dag.on_success_callback, dag.on_failure_callback)
            if hook
        ],
        "tasks": {task.task_id: of_task(task) for task in dag.topological_sort()},
    }


def starts(dag: Any) -> list[str]:
    """The first year of starts, or 400 of them; none of a DAG without a schedule."""
    timetable = encoders.coerce_to_core_timetable(dag.timetable)
    restriction = TimeRestriction(pendulum.datetime(2026, 1, 1), None, catchup=True)
    last, found = None, []
    while len(found) < 400:
        start = timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=restriction
        )
        if start is None or start.run_after.year > 2026:
            break
        last = start.data_interval
        found.append(start.run_after.isoformat())
    return found


def of_task(task: Any) -> dict[str, Any]:
    def seconds(value: timedelta) -> float:
        return value.total_seconds()

    return {
        "after": sorted(task.upstream_task_ids),
        "retries": task.retries,
        "wait_s": seconds(task.retry_delay),
        "factor": task.retry_exponential_backoff,
        "longest_s": seconds(task.max_retry_delay),
        "pool": task.pool,
    }


with contextlib.redirect_stdout(sys.stderr):
    bag = DagBag(sys.argv[1])
    found = {
        "errors": bag.import_errors,
        "dags": {dag_id: described(dag) for dag_id, dag in bag.dags.items()},
    }
print(json.dumps(found))
