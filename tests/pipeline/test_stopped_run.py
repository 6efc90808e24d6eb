"""A run that fails or is stopped says why, and leaves nothing behind."""

import contextlib
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from shardline import configs
from shardline.pipeline.run_folder import RunFolder

pytestmark = pytest.mark.slow
SHARDLINE = Path(sys.executable).with_name("shardline")


def test_changed_wheel_fails_with_both_digests(
    shardline: Callable[..., Any], tmp_path: Path
) -> None:
    config = Path(configs.__file__).with_name("movielens.yaml")
    wheel = tmp_path / "data" / "recbole-1.2.1-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"not what was published")

    finished = shardline("run", config, "--output-dir", tmp_path)

    assert finished.returncode == 1
    assert f"{wheel}: its SHA-256 digest is " in finished.text
    assert "expected 9c994820" in finished.text
    assert "Traceback" not in finished.text


def test_absent_column_fails_before_any_component_runs(
    shardline: Callable[..., Any], small_config: Callable[..., Path], tmp_path: Path
) -> None:
    config = small_config(user_id="{table: user, column: usr}")

    finished = shardline("run", config, "--output-dir", tmp_path / "run")

    assert finished.returncode == 1
    assert finished.components == {}
    assert (
        "feature `user_id`: column `usr` is not among the reader's columns ("
        in finished.text
    )
    assert "Traceback" not in finished.text


def test_empty_split_fails_with_its_reason(
    shardline: Callable[..., Any], small_config: Callable[..., Path], tmp_path: Path
) -> None:
    config = small_config(options="{eval_fraction: 0.0001, history_length: 10}")

    finished = shardline("run", config, "--output-dir", tmp_path / "run")

    assert finished.returncode == 1
    assert "Failed in ReaderExampleGen" in finished.text
    assert "Split 'eval' is empty: 2400 ratings were split by time" in finished.text
    assert "Traceback" not in finished.text
    assert len(finished.lines) < 15


def test_output_folder_below_a_file_fails_with_a_remedy(
    shardline: Callable[..., Any], small_config: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    finished = shardline(
        "run", small_config(), "--output-dir", tmp_path / "file" / "run"
    )

    assert finished.returncode == 1
    assert "cannot be written: Not a directory. Choose another" in finished.text
    assert "Traceback" not in finished.text


def interrupted(
    number: int, where: str, config: Path, output_dir: Path
) -> tuple[int, str]:
    """Sends a signal to a run once it prints something; its exit code and last line."""
    lines = []
    with subprocess.Popen(
        [SHARDLINE, "run", config, "--output-dir", output_dir],
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        for line in command.stdout:
            lines.append(line)
            if where in line:
                command.send_signal(number)
                where = "not printed"
        return command.wait(120), lines[-1]


def test_stopped_command_leaves_no_process_and_no_temporary_files(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    output_dir = tmp_path / "run"

    code, said = interrupted(
        signal.SIGTERM, "loading TensorFlow", small_config(), output_dir
    )

    assert code == 128 + signal.SIGTERM
    assert said.startswith("Interrupted before the first component after ")
    assert processes_with(str(output_dir)) == []
    assert list(output_dir.glob(".shardline-scratch-*")) == []


def test_interrupted_training_leaves_nothing_and_the_next_run_goes_on(
    shardline: Callable[..., Any], small_config: Callable[..., Path], tmp_path: Path
) -> None:
    config, output_dir = small_config(), tmp_path / "run"

    code, said = interrupted(signal.SIGINT, "  Trainer: step", config, output_dir)

    assert code == 128 + signal.SIGINT
    assert said.startswith("Interrupted in Trainer after ")
    assert "run the same command again to go on" in said
    for output in ("checkpoint", "model_run"):
        assert list((output_dir / "artifacts" / "Trainer" / output).iterdir()) == []
    with sqlite3.connect(output_dir / "metadata.sqlite") as metadata:
        states = metadata.execute("SELECT last_known_state FROM Execution").fetchall()
    assert (mlmd.Execution.RUNNING,) not in states

    again = shardline("run", config, "--output-dir", output_dir)
    assert again.returncode == 0, "\n".join(again.lines)
    assert again.components["FeatureTransform"] == "reused"
    assert again.components["Trainer"] == "done"


def test_run_that_waits_for_another_ends_at_a_signal(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    with RunFolder(tmp_path).held():
        waiting = subprocess.Popen(
            [SHARDLINE, "run", small_config(), "--output-dir", tmp_path, "--wait"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said = waiting.stdout.readline()
        time.sleep(0.5)  # it waits now
        waiting.send_signal(signal.SIGTERM)
        _, told = waiting.communicate(timeout=120)

    assert "Waiting for it" in said
    assert waiting.returncode == 128 + signal.SIGTERM
    assert told.startswith("Interrupted: shardline run. ")
    assert len(told.splitlines()) == 1


def processes_with(argument: str) -> list[str]:
    """The command lines of the processes that have an argument."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            arguments = file.read_bytes().split(b"\0")
            if argument.encode() in arguments:
                found.append(b" ".join(arguments).decode())
    return found
