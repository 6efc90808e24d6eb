"""Runs DAGs of a folder, one after the other; runs in Airflow's environment.

As `airflow dags test` does, which starts a process for each. All starts are by hand
then, so a task that looks how late a start is gets those of the schedule made up here.
"""

import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowSkipException

folder, *dag_ids = sys.argv[1:]
bag = DagBag(folder)
for dag_id in dag_ids:
    dag = bag.dags[dag_id]
    dag.test(logical_date=datetime(2026, 11, 1, tzinfo=UTC))
    if not dag.has_task("start_on_time"):
        continue
    for minutes in (4, 6):
        due = datetime.now(UTC) - timedelta(minutes=minutes)
        start = SimpleNamespace(run_type="scheduled", run_after=due)
        try:
            dag.get_task("start_on_time").python_callable(dag_run=start)
        except AirflowSkipException as skipped:
            print(f"{dag_id}: a start {minutes} minutes late is skipped: {skipped}")
        else:
            print(f"{dag_id}: a start {minutes} minutes late is made")
