"""`shardline run` before the pipeline starts, and what the pipeline is started with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from shardline.pipeline.run_folder import RunFolder


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What would have been run, in the place of runs; each ends with exit code 7."""
    calls: list[tuple[Any, ...]] = []

    def note(config, run_folder, console, arguments, *, verbose) -> int:
        calls.append((config, run_folder, arguments, verbose))
        return 7

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
