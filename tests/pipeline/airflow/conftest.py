"""A real Airflow for the tests of DAGs, and the facts that DAGs are written from."""

import dataclasses
import datetime
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from shardline_tests import load

from shardline.configs.schedule import Schedule
from shardline.pipeline.airflow.dag import Dag


@pytest.fixture(scope="session")
def airflow_environment() -> ModuleType:
    """The module that installs Airflow and starts it."""
    return load("airflow/environment.py")


@pytest.fixture(scope="session")
def new_airflow(
    airflow_environment: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Any]:
    """Makes an Airflow with a home of its own, and without a database."""

    def make() -> Any:
        airflow = airflow_environment.Airflow(tmp_path_factory.mktemp("airflow"))
        airflow.dags.mkdir()
        return airflow

    return make


@pytest.fixture(scope="session")
def airflow(new_airflow: Callable[[], Any]) -> Any:
    """One with a database, which several tests share."""
    airflow = new_airflow()
    migrated = airflow.command("db", "migrate")
    assert migrated.returncode == 0, migrated.stdout
    return airflow


@pytest.fixture(scope="session")
def facts() -> Callable[..., Dag]:
    """Makes the facts of a DAG, of which a test gives some."""

    def make(schedule: dict[str, Any] | None = None, **given: Any) -> Dag:
        dag = Dag(
            dag_id="shardline-shop",
            run_name="shop",
            shardline=Path("/opt/shardline/bin/shardline"),
            config=Path("/srv/shop/shop.yaml"),
            run_folder=Path("/srv/shop/runs/shop"),
            folder=Path("/srv/shop"),
            components=(),
            schedule=Schedule(**schedule) if schedule else None,
            first_day=datetime.date(2026, 11, 3),
            pool=None,
        )
        return dataclasses.replace(dag, **given)

    return make
