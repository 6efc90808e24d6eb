"""`shardline airflow`: a DAG that starts the run."""

import datetime
import enum
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from shardline.configs import load_run
from shardline.pipeline.airflow.dag import Dag, DagError, dag_id_of
from shardline.pipeline.airflow.files import write_dag
from shardline.pipeline.airflow.writer import dag_text
from shardline.pipeline.commands.console import failing_on, load, print_line
from shardline.pipeline.commands.options import (
    Configuration,
    OutputDir,
    refused_if_remote,
)
from shardline.pipeline.run_folder import run_folder_of
from shardline.pipeline.steps import steps_of


class Tasks(enum.StrEnum):
    """What a task of the DAG is."""

    COMPONENTS = "components"
    RUN = "run"


def write_airflow(
    config: Configuration,
    output: Annotated[
        Path,
        typer.Option(
            callback=refused_if_remote,
            help="The file to write, in the DAGs folder of Airflow.",
        ),
    ],
    tasks: Annotated[
        Tasks,
        typer.Option(help="A task for each component, or one task that is the run."),
    ] = Tasks.COMPONENTS,
    output_dir: OutputDir = None,
    shardline: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="The command that the tasks call. Default: that of the environment "
            "this one runs in.",
        ),
    ] = None,
    dag_id: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="What Airflow calls the DAG. Default: shardline-<name of the run>.",
        ),
    ] = None,
    start: Annotated[
        datetime.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="With `missed: each` in the schedule, the day from which on starts "
            "that were missed are made up for. Default: today.",
        ),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option(
            help="The pool of Airflow that the tasks take a slot of: one of several "
            "DAGs on a machine that has room for one training."
        ),
    ] = None,
) -> None:
    """Write a DAG for Airflow 3.3 or newer that starts the run.

    It calls the installed `shardline` in its own environment, when the
    `schedule` of the configuration says so. Paths are made absolute: those
    of the configuration begin in the folder where this command was called.
    """
    run = load(config, load_run)
    with failing_on(DagError, OSError):
        dag = Dag(
            dag_id=dag_id_of(run, dag_id),
            run_name=run.name,
            shardline=_command(shardline),
            config=Path(os.path.abspath(config)),
            run_folder=run_folder_of(run.name, output_dir).root,
            folder=Path.cwd(),
            components=tuple(steps_of(run)) if tasks == Tasks.COMPONENTS else (),
            schedule=run.schedule,
            first_day=(start or datetime.datetime.now(datetime.UTC)).date(),
            pool=pool,
        )
        write_dag(output, dag_text(dag))
    print_line(f"Wrote {output}: DAG {dag.dag_id}")
    if not run.schedule:
        print_line(
            f"It starts only by hand: {config} has no section `schedule`, such as "
            "schedule: {cron: '0 3 * * *'}"
        )


def _command(named: str | None) -> Path:
    """Returns the path of the command that tasks call.

    Args:
        named: a path, or the name of a command on the search path; None for the command
            beside the Python that runs.

    Raises:
        DagError: if there is no such command.
    """
    beside = str(Path(sys.executable).with_name("shardline"))
    found = shutil.which(named or beside)
    if found is None:
        raise DagError(
            f"There is no command {named or beside} that can be run. Say with "
            "--shardline which one the tasks call: the path of the `shardline` of an "
            "environment, or of a program that calls it."
        )
    return Path(os.path.abspath(found))
