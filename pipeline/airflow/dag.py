"""What a DAG is written from: the run, what starts it, and where it works."""

import dataclasses
import datetime
import re
from pathlib import Path

from shardline.configs.schedule import Schedule
from shardline.configs.schema import Run
from shardline.pipeline.names import pipeline_name

_MOST_CHARACTERS = 250
_DAG_ID = re.compile(r"[A-Za-z0-9_.-]+")


class DagError(ValueError):
    """A DAG that cannot be written as it was asked for."""


@dataclasses.dataclass(frozen=True)
class Dag:
    """The facts of a DAG.

    Attributes:
        dag_id: what Airflow calls it.
        run_name: what the configuration calls the run.
        shardline: the path of the command.
        config: the path of the configuration.
        run_folder: where the outputs of the run are kept.
        folder: where the command is started, and relative paths begin.
        components: a task for each, in this order; none for one task that is the run.
        schedule: when the run starts by itself, if it does.
        first_day: the day, of UTC, from which on each missed start is made up for, if
            the schedule says so.
        pool: the pool of Airflow that the tasks take a slot of; None for the default.
    """

    dag_id: str
    run_name: str
    shardline: Path
    config: Path
    run_folder: Path
    folder: Path
    components: tuple[str, ...]
    schedule: Schedule | None
    first_day: datetime.date
    pool: str | None


def dag_id_of(run: Run, dag_id: str | None) -> str:
    """Returns what Airflow calls the DAG of a run.

    Args:
        run: the configuration.
        dag_id: the id that was asked for; None for that of the run's pipeline.

    Raises:
        DagError: if Airflow takes no such id.
    """
    if dag_id is None:
        return pipeline_name(run.name)
    if not _DAG_ID.fullmatch(dag_id) or len(dag_id) > _MOST_CHARACTERS:
        raise DagError(
            f"Airflow takes no DAG id {dag_id!r} of {len(dag_id)} characters. Use at "
            f"most {_MOST_CHARACTERS} letters, digits, hyphens, dots and underscores "
            "of ASCII."
        )
    return dag_id
