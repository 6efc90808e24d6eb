"""`airflow dags test` runs the command itself, component by component.

It goes on from what one call of the command read. The process of the pipeline is killed
while the Trainer works, and the Pusher meets a run folder that it cannot write.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.configs import load_run
from shardline.pipeline.steps import steps_of

pytestmark = [
    pytest.mark.orchestration,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
]
SCHEDULE = "\nschedule: {every: 1d, retries: {attempts: 1, wait: 1s}}\n"
# One process does what takes four under Airflow, each of which imports TFX.
READ = ("ReaderExampleGen", "ReaderSchemaGen", "StatisticsGen", "ExampleValidator")
DAG_ID, DATE = "shardline-small", "2026-11-01"
write_saboteur = load(Path(__file__).with_name("saboteur.py")).write_saboteur


def test_run_goes_on_over_a_kill_and_after_a_failure_that_stays(
    airflow: Any,
    shardline: Callable[..., Any],
    small_config: Callable[..., Path],
    finished_run: Any,
    tmp_path: Path,
) -> None:
    config = small_config(steps="120\n  checkpoint: {every_steps: 20}")
    run_folder = tmp_path / "run"
    config.write_text(config.read_text() + SCHEDULE)
    command = write_saboteur(tmp_path / "shardline", run_folder)
    file = airflow.dags / "small.py"
    written = shardline(
        *("airflow", config, "--output", file, "--output-dir", run_folder),
        *("--shardline", command),
    )
    assert written.returncode == 0, written.text
    components = list(steps_of(load_run(config)))
    *before, last = components
    read = shardline("run", config, "--to", READ[-1], "--output-dir", run_folder)
    assert set(read.components) == set(READ), read.text

    failed = airflow.command(
        *("dags", "test", DAG_ID, DATE, "--mark-success-pattern", "|".join(READ))
    )

    # The Trainer at its second try; the Pusher at its first and only one.
    states = airflow.states(DAG_ID)
    assert {states.pop(component)[0] for component in READ} == {"success"}
    expected = dict.fromkeys(before, ("success", 1)) | {"Trainer": ("success", 2)}
    expected = {name: expected[name] for name in expected if name not in READ}
    assert states == expected | {last: ("failed", 1)}, failed.stdout
    assert "Failed in Trainer" in failed.stdout
    assert "the process was ended by SIGKILL" in failed.stdout
    assert "Trainer: goes on from step" in failed.stdout
    assert "The output folder" in failed.stdout

    (run_folder / "serving").unlink()
    (run_folder / "away").rename(run_folder / "serving")
    done = "|".join(before)
    mended = airflow.command(
        *("dags", "test", DAG_ID, DATE, "--mark-success-pattern", done)
    )

    assert airflow.states(DAG_ID)[last] == ("success", 1), mended.stdout
    assert mended.returncode == 0
    (published,) = (run_folder / "serving").glob("[0-9]*")
    assert (published / "saved_model.pb").exists()
    (checkpoint,) = run_folder.glob("artifacts/Trainer/checkpoint/*")
    whole = finished_run.artifact("Trainer", "checkpoint")
    for shard in whole.glob("checkpoint.data-*"):
        assert (checkpoint / shard.name).read_bytes() == shard.read_bytes()
    assert not airflow.attempts.exists()
