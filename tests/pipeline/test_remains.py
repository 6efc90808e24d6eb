"""What a killed run has left is removed by the next run, and nothing else is."""

import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples

from shardline.pipeline.metadata.records import executions_of
from shardline.pipeline.metadata.store import sqlite_connection
from shardline.pipeline.runners import local_dag

Runner = load("pipeline/runners/test_local_dag.py").Runner
HEX = "0123456789abcdef" * 2


@component
def Writer(examples: OutputArtifact[Examples], is_killed: Parameter[int]) -> None:
    """Writes a file; is stopped in the middle if it is to be."""
    (Path(examples.uri) / "half").touch()
    if is_killed:
        signal.raise_signal(signal.SIGINT)


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A runner with one finished run, and one that was ended without any cleaning."""
    runner = Runner(tmp_path)
    runner.run(Writer(is_killed=0))
    with monkeypatch.context() as patched:
        patched.setattr(local_dag, "_close", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            runner.run(Writer(is_killed=1))
    return runner


def folder_of(runner: Any) -> Path:
    return runner.folder / "root" / "Writer"


def states(runner: Any) -> list[str]:
    connection = sqlite_connection(runner.metadata)
    return [one.state for one in executions_of(connection, "test", "Writer")]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_killed_component_is_canceled_told_and_removed(
    killed: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connection = sqlite_connection(killed.metadata)
    done, dead = executions_of(connection, "test", "Writer")
    folder = folder_of(killed)
    assert (folder / "examples" / str(dead.number) / "half").exists()
    assert (folder / ".system" / "executor_execution" / str(dead.number)).exists()
    assert names(folder / ".system" / "stateful_working_dir") != []

    with caplog.at_level(logging.WARNING, "shardline.remains"):
        killed.run(Writer(is_killed=0))

    assert states(killed) == ["done", "interrupted", "reused"]
    assert names(folder / "examples") == [str(done.number)]
    assert (folder / "examples" / str(done.number) / "half").exists()
    assert names(folder / ".system" / "stateful_working_dir") == []
    assert names(folder / ".system" / "executor_execution") == []
    (said,) = [one.getMessage() for one in caplog.records]
    assert said.startswith("Writer was running since 20")
    assert said.endswith(
        " UTC when its run was killed: recorded as canceled, its unfinished outputs "
        "are removed"
    )


def test_run_after_a_run_that_ended_says_and_removes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runner = Runner(tmp_path)
    runner.run(Writer(is_killed=0))
    before = names(folder_of(runner) / "examples")

    runner.run(Writer(is_killed=0))

    assert names(folder_of(runner) / "examples") == before
    assert not [one for one in caplog.records if one.name == "shardline.remains"]


def test_what_is_half_made_beside_outputs_is_removed(killed: Any) -> None:
    folder = folder_of(killed)
    records = names(folder / ".files")
    dead = [
        folder / "examples" / f"2.{HEX}" / "vocabularies",
        folder / ".system" / "driver_execution" / "17",
        folder / ".system" / "executor_execution" / "999",
    ]
    for path in dead:
        path.mkdir(parents=True)
    (folder / ".files" / f"examples-1.{os.getpid()}").write_text("{")
    (folder / ".files" / "examples-2.json").write_text("{}")

    killed.run(Writer(is_killed=0))

    assert [path for path in dead if path.exists()] == []
    assert names(folder / ".files") == records


def test_what_others_keep_there_stays(killed: Any) -> None:
    folder = folder_of(killed)
    kept = [
        folder / "sets" / "2" / "step-000000000100-full" / "manifest.json",
        folder / "sets" / HEX / "step-000000000100-full" / "manifest.json",
        folder / "sets" / HEX / ".lock",
        folder / "counts" / f"counts-{HEX}" / "whole.json",
        folder / "examples" / "notes" / "2",
        folder / "examples" / "2.txt",
        folder / "examples" / "77" / "of a store that is gone",
        folder / "2",
    ]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    killed.run(Writer(is_killed=0))

    assert [path for path in kept if not path.exists()] == []


@pytest.mark.parametrize("is_killed_again", [False, True])
def test_removal_that_was_killed_itself_is_done_by_the_next_run(
    killed: Any, monkeypatch: pytest.MonkeyPatch, is_killed_again: bool
) -> None:
    if is_killed_again:

        def kill(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr("shutil.rmtree", kill)
            with pytest.raises(KeyboardInterrupt):
                killed.run(Writer(is_killed=0))
        assert states(killed) == ["done", "interrupted"]
        assert len(names(folder_of(killed) / "examples")) == 2

    killed.run(Writer(is_killed=0))

    assert len(names(folder_of(killed) / "examples")) == 1


def test_interrupted_component_leaves_nothing_either(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        runner.run(Writer(is_killed=1))

    assert states(runner) == ["interrupted"]
    assert names(folder_of(runner) / "examples") == []


def test_output_of_a_component_is_a_link_that_is_not_followed(killed: Any) -> None:
    folder = folder_of(killed)
    elsewhere = killed.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    (folder / "examples" / f"2.{HEX}").symlink_to(elsewhere)

    killed.run(Writer(is_killed=0))

    assert not (folder / "examples" / f"2.{HEX}").is_symlink()
    assert (elsewhere / "file").exists()
