"""`shardline airflow`: which DAG it writes, and what it refuses."""

import ast
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import Result

pytestmark = pytest.mark.orchestration
Invoke = Callable[..., Result]


@pytest.fixture
def config(
    small_config: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A configuration with a schedule, in the current folder."""
    text = small_config().read_text() + "\nschedule: {cron: 0 3 * * *}\n"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(text)
    return Path("small.yaml")


def constants(path: Path) -> dict[str, object]:
    """Returns the constants of a DAG by their names."""
    return {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, (ast.Constant, ast.List))
    }


def test_paths_are_absolute(invoke: Invoke, config: Path, tmp_path: Path) -> None:
    result = invoke("airflow", config, "--output", "dags/small.py", "--tasks", "run")

    assert result.exit_code == 0, result.output
    assert result.output == "Wrote dags/small.py: DAG shardline-small\n"
    assert constants(tmp_path / "dags" / "small.py") == {
        "SHARDLINE": str(Path(sys.executable).with_name("shardline")),
        "CONFIG": str(tmp_path / "small.yaml"),
        "RUN_FOLDER": str(tmp_path / "runs" / "small"),
        "FOLDER": str(tmp_path),
        "NOTHING_DUE": 99,
    }


def test_each_component_has_a_task_unless_the_run_is_one(
    invoke: Invoke, config: Path, tmp_path: Path
) -> None:
    result = invoke("airflow", config, "--output", "small.py", "--output-dir", "out")

    assert result.exit_code == 0, result.output
    found = constants(tmp_path / "small.py")
    assert found["RUN_FOLDER"] == str(tmp_path / "out")
    components = found["COMPONENTS"]
    assert isinstance(components, list)
    assert (components[0], components[-1]) == ("ReaderExampleGen", "Pusher")
    assert (
        'schedule=sdk.CronTriggerTimetable("0 3 * * *", timezone="UTC")'
        in (tmp_path / "small.py").read_text()
    )


def test_tasks_of_spans_begin_with_the_plan_and_end_with_the_record(
    invoke: Invoke, spans_config: Path, tmp_path: Path
) -> None:
    result = invoke("airflow", spans_config, "--output", tmp_path / "spans.py")

    assert result.exit_code == 0, result.output
    components = constants(tmp_path / "spans.py")["COMPONENTS"]
    assert isinstance(components, list)
    assert (components[0], components[-1]) == ("SpanPlanner", "SpanRecorder")


def test_without_a_schedule_it_starts_by_hand(
    invoke: Invoke, small_config: Callable[..., Path], tmp_path: Path
) -> None:
    file = tmp_path / "small.py"

    result = invoke("airflow", small_config(), "--output", file, "--tasks", "run")

    assert result.exit_code == 0, result.output
    assert "It starts only by hand" in result.output
    assert "    schedule=None,\n" in file.read_text()


@pytest.mark.parametrize("option", [["--start", "2026-02-03"], []])
def test_missed_starts_are_made_up_for_from_a_day_on(
    invoke: Invoke, config: Path, tmp_path: Path, option: list[str]
) -> None:
    text = config.read_text().replace("0 3 * * *", "0 3 * * *, missed: each")
    config.write_text(text)
    before = datetime.now(UTC)

    result = invoke("airflow", config, "--output", "a.py", "--tasks=run", *option)

    assert result.exit_code == 0, result.output
    days = [datetime(2026, 2, 3)] if option else [before, datetime.now(UTC)]
    starts = [
        f"    start_date=datetime.datetime({day.year}, {day.month}, {day.day}, "
        "tzinfo=datetime.UTC),\n"
        for day in days
    ]
    assert any(start in (tmp_path / "a.py").read_text() for start in starts)


def test_command_id_and_pool_can_be_chosen(
    invoke: Invoke, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "in_container"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    chosen = ["--dag-id", "shop.eu", "--pool", "trainings", "--tasks", "run"]

    for named in ("in_container", "bin/in_container", program):
        result = invoke(
            "airflow", config, "--output", "a.py", "--shardline", named, *chosen
        )
        assert result.exit_code == 0, result.output
        assert constants(tmp_path / "a.py")["SHARDLINE"] == str(program)

    text = (tmp_path / "a.py").read_text()
    assert '"shop.eu"' in text
    assert '"pool": "trainings"' in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--output", "dag.yaml"], "Airflow reads DAGs from files *.py"),
        (["--output", "small.yaml/dag.py"], "cannot be written: File exists"),
        (["--output", "mine.py"], "mine.py is there and was not written by this"),
        (["--output", "a.py", "--dag-id", "a b"], "Airflow takes no DAG id 'a b'"),
        (["--output", "a.py", "--shardline", "no/such"], "There is no command no/such"),
        (["--output", "a.py", "--shardline", "mine.py"], "There is no command mine.py"),
    ],
)
def test_what_cannot_be_written_is_told(
    invoke: Invoke, config: Path, tmp_path: Path, options: list[str], told: str
) -> None:
    (tmp_path / "mine.py").write_text("import os\n")

    result = invoke("airflow", config, "--tasks", "run", *options)

    assert result.exit_code == 1
    assert told in result.output
    assert not (tmp_path / "a.py").exists()
    assert (tmp_path / "mine.py").read_text() == "import os\n"


def test_schedule_that_airflow_cannot_read_is_told(
    invoke: Invoke, config: Path, tmp_path: Path
) -> None:
    config.write_text(config.read_text().replace("0 3 * * *", "0 3 LW * *"))

    result = invoke("airflow", config, "--output", "a.py")

    assert result.exit_code == 1
    assert "Airflow cannot start by `schedule.cron`, `0 3 LW * *`" in result.output
    assert not (tmp_path / "a.py").exists()


def test_fault_of_the_configuration_is_told_and_nothing_is_written(
    invoke: Invoke, config: Path, tmp_path: Path
) -> None:
    config.write_text(config.read_text().replace("0 3 * * *", "0 3 31 2 *"))

    result = invoke("airflow", config, "--output", "a.py")

    assert result.exit_code == 1
    assert "schedule" in result.output
    assert not (tmp_path / "a.py").exists()
