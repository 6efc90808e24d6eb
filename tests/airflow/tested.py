"""Runs DAGs of a folder, one after the other; runs in Airflow's environment.

As `airflow dags test` does, which starts a process for each. All starts are by hand
then, so a task that looks how late a run began gets those of the schedule made up here.
"""

import sys
from datetime import UTC, datetime, timedelta

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.api.datamodels._generated import DagRun
from airflow.sdk.exceptions import AirflowSkipException


def begun(dag_id: str, minutes_late: int, times_cleared: int) -> DagRun:
    """A run of the schedule that began two hours ago, as tasks get it."""
    start = datetime.now(UTC) - timedelta(hours=2)
    return DagRun(
        dag_id=dag_id,
        run_id="scheduled",
        logical_date=None,
        data_interval_start=None,
        data_interval_end=None,
        run_after=start - timedelta(minutes=minutes_late),
        start_date=start,
        end_date=None,
        clear_number=times_cleared,
        run_type="scheduled",
        state="running",
        consumed_asset_events=[],
        partition_key=None,
    )


folder, *dag_ids = sys.argv[1:]
bag = DagBag(folder)
for dag_id in dag_ids:
    dag = bag.dags[dag_id]
    dag.test(logical_date=datetime(2026, 11, 1, tzinfo=UTC))
    if not dag.has_task("start_on_time"):
        continue
    on_time = dag.get_task("start_on_time").python_callable
    for minutes, cleared in ((4, 0), (6, 0), (6, 1)):
        told = f"{dag_id}: {minutes} minutes late, cleared {cleared} times:"
        try:
            on_time(dag_run=begun(dag_id, minutes, cleared))
        except AirflowSkipException as skipped:
            print(f"{told} skipped: {skipped}")
        else:
            print(f"{told} made")
