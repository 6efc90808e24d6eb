"""DAGs as Airflow reads them: all that the configuration says, and nothing else."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shardline.pipeline.airflow.dag import Dag
from shardline.pipeline.airflow.writer import dag_text
from shardline.pipeline.runners.passing import EXIT_CODES

pytestmark = pytest.mark.orchestration
COMPONENTS = ("ReaderExampleGen", "Trainer", "Pusher")
ALL = {
    "cron": "30 3 * * 1-5",
    "timezone": "Europe/Berlin",
    "missed": "each",
    "retries": {"attempts": 5, "wait": "90s", "factor": 1.5, "longest": "2h"},
    "deadline": "4h",
    "on_success": ["/usr/bin/tell", "it's done", '{"so": 1}'],
    "on_failure": ["/usr/bin/tell", "x" * 90],
    "on_late": ["/usr/bin/tell", "late"],
}
ODD = Path('/srv/it\'s "so"/back\\slash/{{ brace }}/ü')


@pytest.fixture
def variants(facts: Callable[..., Dag]) -> dict[str, Dag]:
    """DAGs that differ in what there is."""
    dags = [
        facts(dag_id="by-hand"),
        facts(ALL, dag_id="all", components=COMPONENTS, pool="trainings"),
        facts({"every": "6h", "missed": "skip"}, dag_id="skip"),
        facts(
            {"every": "90m", "missed": "skip", "deadline": "1h"},
            dag_id="late",
            components=COMPONENTS,
        ),
        facts(ALL, dag_id="odd", config=ODD, run_folder=ODD, folder=ODD, shardline=ODD),
    ]
    return {dag.dag_id: dag for dag in dags}


def test_airflow_reads_what_the_configuration_says(
    new_airflow: Callable[[], Any], variants: dict[str, Dag]
) -> None:
    airflow = new_airflow()
    for dag_id, dag in variants.items():
        (airflow.dags / f"{dag_id}.py").write_text(dag_text(dag))

    found = airflow.described()

    assert found["errors"] == {}, "\n".join(found["errors"].values())
    assert sorted(found["dags"]) == sorted(variants)
    assert not airflow.attempts.exists()
    for one in found["dags"].values():
        assert one["runs_at_once"] == one["tasks_at_once"] == 1
        assert one["run_types"] == ["manual", "operator_triggered", "scheduled"]
        assert "Trains and publishes `shop`" in one["doc"]
    _check_all(found["dags"]["all"])
    _check_others(found["dags"])


def _check_all(dag: dict[str, Any]) -> None:
    assert "'30 3 * * 1-5', timezone='Europe/Berlin'" in dag["schedule"]
    assert dag["catchup"] is True
    assert dag["start"] == "2026-11-03T00:00:00+00:00"
    assert dag["deadlines"] == [4 * 3600]
    assert dag["hooks"] == ["on_success", "on_failure"]
    before: list[list[str]] = [[], *([one] for one in COMPONENTS[:-1])]
    assert dag["tasks"] == {
        component: {
            "after": after,
            "retries": 5,
            "wait_s": 90,
            "factor": 1.5,
            "longest_s": 7200,
            "pool": "trainings",
        }
        for component, after in zip(COMPONENTS, before, strict=True)
    }


def _check_others(dags: dict[str, Any]) -> None:
    assert "NullTimetable" in dags["by-hand"]["schedule"]
    assert dags["by-hand"]["tasks"] == {
        "run": {
            "after": [],
            "retries": 3,
            "wait_s": 60,
            "factor": 2,
            "longest_s": 3600,
            "pool": "default_pool",
        }
    }
    assert dags["by-hand"]["deadlines"] == dags["by-hand"]["hooks"] == []
    assert "'0 */6 * * *', timezone='UTC'" in dags["skip"]["schedule"]
    assert dags["skip"]["catchup"] is False
    assert dags["skip"]["start"] is None
    assert dags["skip"]["tasks"]["run"]["after"] == ["start_on_time"]
    assert "seconds=5400" in dags["late"]["schedule"]
    assert dags["late"]["tasks"]["ReaderExampleGen"]["after"] == ["start_on_time"]
    assert dags["late"]["deadlines"] == [3600]


def test_text_is_as_a_person_would_write_it(
    tmp_path: Path, variants: dict[str, Dag]
) -> None:
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    files = []
    for dag_id, dag in variants.items():
        files.append(tmp_path / f"{dag_id}.py")
        files[-1].write_text(dag_text(dag))
        read = ast.parse(files[-1].read_text())
        assert _imported(read) == {"airflow", "datetime", "os"}
        assert all(len(line) <= 88 for line in _lines_of_ours(files[-1].read_text()))

    rules = "--select=B,E,F,I,PT,RUF,UP,W"
    for command in (["check", rules, "--ignore=E501"], ["format", "--check"]):
        done = subprocess.run(
            [*ruff, *command, "--isolated", "--no-cache", *files],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_exit_codes_that_can_pass_are_those_of_the_command(
    variants: dict[str, Dag],
) -> None:
    for dag in variants.values():
        (line,) = re.findall("^CAN_PASS = .*$", dag_text(dag), re.M)
        found: dict[str, Any] = {}
        exec(line, found)

        assert found["CAN_PASS"] == EXIT_CODES


def _imported(module: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module))
    return {name.partition(".")[0] for name in names}


def _lines_of_ours(text: str) -> list[str]:
    """Lines that hold no path and no word of a configuration."""
    theirs = re.compile(r'^( {8}"|[A-Z_]+ = "| {4}/)')
    return [line for line in text.splitlines() if not theirs.match(line)]


def test_same_facts_give_the_same_text(facts: Callable[..., Dag]) -> None:
    assert dag_text(facts(ALL)) == dag_text(facts(ALL))


def test_text_says_what_wrote_it_and_from_what(facts: Callable[..., Dag]) -> None:
    docstring = ast.get_docstring(ast.parse(dag_text(facts(config=ODD))))

    assert docstring is not None
    assert "Written by Shardline" in docstring.splitlines()[0]
    assert str(ODD) in docstring


@pytest.mark.parametrize(
    ("version", "modules"),
    [("2.11.0", ()), ("3.2.2", ("sdk", "providers.standard.hooks.subprocess"))],
)
def test_airflow_that_is_too_old_is_told(
    tmp_path: Path, facts: Callable[..., Dag], version: str, modules: tuple[str, ...]
) -> None:
    """With stand-ins of old versions, whose real ones take 200 MB each."""
    package = tmp_path / "airflow"
    package.mkdir()
    (package / "__init__.py").write_text(f'__version__ = "{version}"\n')
    for module in modules:
        folder = package.joinpath(*module.split("."))
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("SubprocessHook = exceptions = None\n")
    (tmp_path / "dag.py").write_text(dag_text(facts()))

    ended = subprocess.run(
        [sys.executable, tmp_path / "dag.py"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(tmp_path)},
    )

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        f"RuntimeError: This DAG needs Airflow 3.3 or newer, and this is {version}. "
        "Update Airflow, or call `shardline run` from a DAG of your own."
    )
