"""`shardline run` before the pipeline starts, and what the pipeline is started with."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from typer.testing import Result

from shardline.pipeline.run_folder import RunFolder, RunFolderHeldError
from shardline.pipeline.runners.result import RunResult, load_result


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What would have been run, in the place of runs; each ends with exit code 7."""
    calls: list[tuple[Any, ...]] = []

    def note(config, run_folder, lock, console, arguments, *, verbose) -> RunResult:
        with pytest.raises(RunFolderHeldError), run_folder.held():
            pass
        calls.append((config, run_folder, arguments, verbose))
        return RunResult(7, "why", "12", ("2026-11",), log="a.log")

    monkeypatch.setattr("shardline.pipeline.runners.process.run_in_process", note)
    return calls


def test_pipeline_runs_in_the_run_folder_and_its_exit_code_is_the_commands(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    started: list[tuple[Any, ...]],
) -> None:
    config = small_config()

    result = invoke("run", config, "--output-dir", tmp_path / "run")

    assert result.exit_code == 7
    assert started == [(config, RunFolder(tmp_path.resolve() / "run"), [], False)]
    assert (tmp_path / "run" / "serving").is_dir()


def test_options_are_passed_on(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    started: list[tuple[Any, ...]],
) -> None:
    options = ["--no-cache", "--force", " a demo ", "--verbose"]

    invoke("run", small_config(), "--output-dir", tmp_path, *options)

    assert started[0][2:] == (["--no-cache", "--force=a demo"], True)


def test_what_came_of_it_is_written_for_programs(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    started: list[tuple[Any, ...]],
) -> None:
    file = tmp_path / "new" / "result.json"

    invoke("run", small_config(), "--output-dir", tmp_path, "--result", file)

    assert load_result(file) == RunResult(7, "why", "12", ("2026-11",), log="a.log")


@pytest.mark.orchestration
@pytest.mark.parametrize(
    ("ended", "number", "code", "told"),
    [
        (RunResult(0, version="7"), errno.ENOSPC, 75, "The run published version 7, "),
        (RunResult(0), errno.EACCES, 1, "The run is done, and --result "),
        (RunResult(1), errno.ENOSPC, 1, "The run failed, and --result "),
        (RunResult(143), errno.EACCES, 143, "The run failed, and --result "),
    ],
)
def test_result_that_cannot_be_written_changes_no_failure(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ended: RunResult,
    number: int,
    code: int,
    told: str,
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(
        "shardline.pipeline.runners.process.run_in_process", lambda *_, **__: ended
    )
    monkeypatch.setattr(RunResult, "save", fail)
    file = tmp_path / "result.json"

    result = invoke("run", small_config(), "--output-dir", tmp_path, "--result", file)

    assert result.exit_code == code
    assert told in result.output
    assert os.strerror(number) in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("ended", "in_spans", "code"),
    [
        (RunResult(0), True, 99),
        (RunResult(0, spans=("1998-01",)), True, 0),
        (RunResult(75), True, 75),
        (RunResult(0), False, 0),
    ],
)
def test_exit_code_of_nothing_due_can_be_chosen(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    spans_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ended: RunResult,
    in_spans: bool,
    code: int,
) -> None:
    monkeypatch.setattr(
        "shardline.pipeline.runners.process.run_in_process", lambda *_, **__: ended
    )
    config = spans_config if in_spans else small_config()
    arguments = ("run", config, "--output-dir", tmp_path)

    assert invoke(*arguments, "--nothing-due-code", "99").exit_code == code
    assert invoke(*arguments).exit_code == ended.exit_code


def test_run_folder_is_named_after_the_run(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    started: list[tuple[Any, ...]],
) -> None:
    monkeypatch.chdir(tmp_path)

    invoke("run", small_config(name="other"))

    assert started[0][1].root == tmp_path.resolve() / "runs" / "other"


def test_unwritable_output_folder_is_told(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    started: list[tuple[Any, ...]],
) -> None:
    (tmp_path / "file").touch()

    result = invoke("run", small_config(), "--output-dir", tmp_path / "file" / "x")

    assert result.exit_code == 1
    assert "cannot be written: Not a directory." in result.output
    assert started == []


@pytest.mark.parametrize("reason", ["", "  "])
def test_force_needs_a_reason(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    reason: str,
) -> None:
    result = invoke(
        "run", small_config(), "--force", reason, "--output-dir", tmp_path / "run"
    )

    assert result.exit_code == 1
    assert "--force needs a reason, which is recorded; it is empty." in result.output
    assert not (tmp_path / "run").exists()


def test_run_folder_that_another_run_holds_is_told_at_once(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    started: list[tuple[Any, ...]],
) -> None:
    with RunFolder(tmp_path).held():
        result = invoke("run", small_config(), "--output-dir", tmp_path)

    assert result.exit_code == 75
    assert f"The run folder {tmp_path} is held by process {os.getpid()} since " in (
        result.output
    )
    assert "Wait until it has ended, or stop it. With --wait, `run` waits; with " in (
        result.output
    )
    assert "Traceback" not in result.output
    assert started == []


def test_run_that_waits_says_so_once_and_goes_on(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    started: list[tuple[Any, ...]],
) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(RunFolder(tmp_path).held())
        Timer(0.5, stack.close).start()
        result = invoke("run", small_config(), "--output-dir", tmp_path, "--wait")

    assert result.exit_code == 7
    assert result.output.count(f"{tmp_path} is held by process {os.getpid()}") == 1
    assert result.output.count("Waiting for it") == 1
    assert len(started) == 1


def test_lock_that_cannot_be_made_is_told(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    started: list[tuple[Any, ...]],
) -> None:
    (tmp_path / ".lock").mkdir()

    result = invoke("run", small_config(), "--output-dir", tmp_path)

    assert result.exit_code == 1
    assert f"{tmp_path / '.lock'} cannot be locked: Is a directory." in result.output
    assert started == []


@pytest.mark.orchestration
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--from", "Trainer"], ["--from=Trainer"]),
        (["--to", "Exporter"], ["--to=Exporter"]),
        (["--from", "Trainer", "--to", "Pusher"], ["--from=Trainer", "--to=Pusher"]),
        (["--only", "Pusher"], ["--from=Pusher", "--to=Pusher"]),
        (
            ["--only", "Pusher", "--force", "a demo", "--no-cache"],
            ["--from=Pusher", "--to=Pusher", "--no-cache", "--force=a demo"],
        ),
    ],
    ids=str,
)
def test_part_of_the_pipeline_is_passed_on(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    started: list[tuple[Any, ...]],
    options: list[str],
    told: list[str],
) -> None:
    invoke("run", small_config(), "--output-dir", tmp_path, *options)

    assert started[0][2] == told


@pytest.mark.orchestration
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--only", "Traner"], "There is no component `Traner`; did you mean Trainer?"),
        (["--from", "SpanPlanner"], "The pipeline has no SpanPlanner: it is of data"),
        (["--from", "Pusher", "--to", "Trainer"], "Turn them round: --from Trainer"),
        (["--only", "Pusher", "--to", "Pusher"], "--only is --from and --to in one."),
        (["--only", "Trainer", "--force", "a demo"], "--force is about publishing,"),
    ],
    ids=str,
)
def test_part_that_there_is_not_ends_the_command_before_anything_is_made(
    invoke: Callable[..., Result],
    small_config: Callable[..., Path],
    tmp_path: Path,
    started: list[tuple[Any, ...]],
    options: list[str],
    message: str,
) -> None:
    result = invoke("run", small_config(), "--output-dir", tmp_path / "run", *options)

    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert started == []
    assert not (tmp_path / "run").exists()


@pytest.mark.orchestration
def test_part_is_of_one_plan(
    invoke: Callable[..., Result],
    spans_config: Path,
    tmp_path: Path,
    started: list[tuple[Any, ...]],
) -> None:
    options = ["--spans", "2", "--only", "Trainer"]

    result = invoke("run", spans_config, "--output-dir", tmp_path, *options)

    assert result.exit_code == 2
    assert "--spans counts plans, and a part of the pipeline is" in result.output
    assert started == []
