"""What Airflow does about each way in which the command can end.

Programs of the shell stand in for the command but in one DAG, as its exit codes are
what counts here; `test_dags_test.py` runs the command itself. One process of Airflow
runs all DAGs.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.configs import load_run
from shardline.pipeline.airflow.dag import Dag
from shardline.pipeline.airflow.writer import dag_text
from shardline.pipeline.steps import steps_of

pytestmark = pytest.mark.orchestration
QUICKLY = {"every": "1d", "retries": {"attempts": 2, "wait": "1s", "factor": 1}}
FIRST = "test ! -e tried && touch tried &&"
# By DAG: what the program does; how the task ends, and at which try.
ENDS = {
    "done": ("env > command.env", ("success", 1)),
    "nothing-due": ("exit 99", ("skipped", 1)),
    "stays": ("exit 1", ("failed", 1)),
    "usage": ("exit 2", ("failed", 1)),
    "crash": ("kill -SEGV $$", ("failed", 1)),
    "passes": (f"{FIRST} exit 75; exit 0", ("success", 2)),
    "killed": (f"{FIRST} kill -KILL $$; exit 0", ("success", 2)),
    "never-passes": ("exit 75", ("failed", 3)),
    "gone": ("", ("failed", 1)),
}
COMPONENTS = ("SpanPlanner", "Trainer", "Pusher")
# Of DAGs with a task for each component: what the program does, and how tasks end.
OF_COMPONENTS = {
    "idle": ("exit 99", ["skipped", "skipped", "skipped"]),
    "broken": (
        'echo "$@" >> calls; case "$*" in *Trainer) exit 1;; esac',
        ["success", "failed", "upstream_failed"],
    ),
}
_TIME_LIMIT_S = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each program has a folder of its own, named as its DAG."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(scope="module")
def write(airflow: Any, facts: Callable[..., Dag], folder: Path) -> Callable[..., None]:
    """Writes a DAG that calls a program of the shell, and the program."""

    def write_dag(dag_id: str, does: str, **given: Any) -> None:
        own = folder / dag_id
        own.mkdir()
        command = own / "command"
        if does:
            command.write_text(f"#!/bin/sh\n{does}\n")
            command.chmod(0o755)
        schedule = QUICKLY | given.pop("schedule", {})
        dag = facts(schedule, dag_id=dag_id, shardline=command, folder=own, **given)
        (airflow.dags / f"{dag_id}.py").write_text(dag_text(dag))

    return write_dag


@pytest.fixture(scope="module")
def spans_that_wait(spans_config: Path, tmp_path_factory: Any) -> Path:
    """A configuration of spans of which the last is there, and none to judge it."""
    text = spans_config.read_text()
    assert "first: 1997-10" in text
    path = tmp_path_factory.mktemp("waiting") / "spans.yaml"
    path.write_text(text.replace("first: 1997-10", "first: 1998-04"))
    return Path(path)


@pytest.fixture(scope="module")
def printed(
    airflow: Any, folder: Path, write: Callable[..., None], spans_that_wait: Path
) -> str:
    """What was printed while all DAGs ran."""
    tell = folder / "tell"
    tell.write_text("#!/bin/sh\nenv > $SHARDLINE_EVENT.env; exit 3\n")
    tell.chmod(0o755)
    hooks = {f"on_{outcome}": [str(tell)] for outcome in ("success", "failure")}
    for dag_id, (does, _) in ENDS.items():
        write(dag_id, does, schedule=hooks | {"missed": "skip"})
    for dag_id, (does, _) in OF_COMPONENTS.items():
        write(dag_id, does, components=COMPONENTS)
    write(
        "spans",
        f"export PYTHONPATH={os.environ.get('PYTHONPATH', '')}\n"
        f'exec {Path(sys.executable).with_name("shardline")} "$@"',
        components=tuple(steps_of(load_run(spans_that_wait))),
        config=spans_that_wait,
        run_folder=folder / "spans" / "run",
    )
    return str(airflow.tested(*ENDS, *OF_COMPONENTS, "spans"))


def test_each_end_of_the_command_has_its_state(airflow: Any, printed: str) -> None:
    found = {dag_id: airflow.states(dag_id)["run"] for dag_id in ENDS}

    assert found == {dag_id: end for dag_id, (_, end) in ENDS.items()}, printed
    assert "command cannot be started in" in printed
    assert not airflow.attempts.exists()


def test_what_follows_is_skipped_if_nothing_is_due_and_left_after_a_failure(
    airflow: Any, folder: Path, printed: str
) -> None:
    for dag_id, (_, states) in OF_COMPONENTS.items():
        found = airflow.states(dag_id)
        assert [found[one][0] for one in COMPONENTS] == states, printed
    calls = (folder / "broken" / "calls").read_text().splitlines()
    assert calls == [
        "run /srv/shop/shop.yaml --output-dir /srv/shop/runs/shop --wait "
        f"--nothing-due-code 99 --only {component}"
        for component in COMPONENTS[:2]
    ]


def test_plan_with_nothing_due_leaves_all_tasks_skipped(
    airflow: Any, folder: Path, printed: str
) -> None:
    """By the command itself."""
    states = airflow.states("spans")

    assert "Nothing is due │ waiting for" in printed
    assert len(states) == 13
    assert {state for state, _ in states.values()} == {"skipped"}, printed
    assert len(list((folder / "spans" / "run" / "logs").iterdir())) == 1


def test_hooks_are_told_how_a_run_ended(folder: Path, printed: str) -> None:
    success = (folder / "done" / "success.env").read_text()
    failure = (folder / "stays" / "failure.env").read_text()

    for told in (success, failure):
        assert "SHARDLINE_DAG_RUN=manual__" in told, printed
        assert "SHARDLINE_CONFIG=/srv/shop/shop.yaml" in told
        assert "SHARDLINE_RUN_FOLDER=/srv/shop/runs/shop" in told
    assert not (folder / "done" / "failure.env").exists()
    assert not (folder / "passes" / "failure.env").exists()
    assert (folder / "passes" / "success.env").exists()


def test_command_gets_nothing_of_airflow(folder: Path, printed: str) -> None:
    variables = (folder / "done" / "command.env").read_text()

    assert f"HOME={os.environ['HOME']}" in variables, printed
    assert "AIRFLOW" not in variables
    assert "PYTHONPATH" not in variables


def test_start_that_was_missed_is_left_out(airflow: Any, printed: str) -> None:
    assert airflow.states("done")["start_on_time"] == ("success", 1), printed
    skipped = "skipped: It began 0:06:00 late"
    assert "done: 4 minutes late, cleared 0 times: made" in printed
    assert f"done: 6 minutes late, cleared 0 times: {skipped}" in printed
    assert "done: 6 minutes late, cleared 1 times: made" in printed


def test_task_that_is_killed_ends_the_command(
    airflow: Any, folder: Path, write: Callable[..., None]
) -> None:
    traps = "trap 'touch ended; exit 143' TERM; touch started; sleep 60 & wait"
    write("ended", traps, schedule={"retries": {"attempts": 0}})
    environment = load("airflow/environment.py")
    tested = Path(environment.__file__).with_name("tested.py")

    with subprocess.Popen(
        [environment.installed_python(), tested, airflow.dags, "ended"],
        env=airflow.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        deadline_s = time.monotonic() + _TIME_LIMIT_S
        while not (folder / "ended" / "started").exists():
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGTERM)
        printed, _ = process.communicate(timeout=_TIME_LIMIT_S)

    assert (folder / "ended" / "ended").exists(), printed
    assert airflow.states("ended")["run"] == ("failed", 1), printed
