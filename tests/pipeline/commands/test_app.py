"""Errors of the command that come before anything slow."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shardline.pipeline.commands.app import app

COMPILE = [
    "--pipeline-root=/root",
    "--serving-dir=/serving",
    "--data-path=/data",
    "--image=image",
]


def shardline(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_help_names_every_command() -> None:
    result = shardline("--help")

    assert result.exit_code == 0
    for command in ("check", "plan", "preprocess", "run", "serve-check", "doctor"):
        assert command in result.output


def test_no_command_shows_the_help() -> None:
    assert "serve-check" in shardline().output


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["serve-check"],
        ["compile", "--runner=kubeflow", "--output=spec.json", *COMPILE],
    ],
    ids=lambda arguments: arguments[0],
)
def test_faulty_configuration_is_told_and_nothing_is_made(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "run.yaml"
    config.write_text("nam: x\n")

    result = shardline(*arguments, config)

    assert result.exit_code == 1
    assert f"{config}:1: unknown key `nam`; did you mean `name`?" in result.output
    assert isinstance(result.exception, SystemExit)
    assert [path.name for path in tmp_path.iterdir()] == ["run.yaml"]


@pytest.mark.parametrize("command", ["run", "serve-check"])
def test_absent_configuration_is_told(command: str, tmp_path: Path) -> None:
    result = shardline(command, tmp_path / "absent.yaml")

    assert result.exit_code == 1
    assert "absent.yaml: cannot be read: No such file or directory." in result.output


def test_unwritable_output_folder_is_told(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    result = shardline("run", small_config(), "--output-dir", tmp_path / "file" / "x")

    assert result.exit_code == 1
    assert "cannot be written: Not a directory." in result.output


def test_serve_check_without_a_published_model_is_told(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    result = shardline("serve-check", small_config(), "--output-dir", tmp_path)

    assert result.exit_code == 1
    assert "holds no published model. Run the pipeline first." in result.output


def test_unknown_runner_is_told(small_config: Callable[..., Path]) -> None:
    result = shardline(
        "compile", small_config(), "--runner=airflow", "--output=spec.json", *COMPILE
    )

    assert result.exit_code == 1
    assert "There is no runner `airflow`; use kubeflow." in result.output


@pytest.mark.parametrize("module", ["cli", "serve_check"])
def test_command_line_imports_nothing_slow(module: str) -> None:
    code = (
        f"import sys, pipeline.{module};"
        "print(*sys.modules.keys() & {'tensorflow', 'tfx', 'apache_beam'})"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []


@pytest.mark.parametrize("reason", ["", "  "])
def test_force_needs_a_reason(
    small_config: Callable[..., Path], tmp_path: Path, reason: str
) -> None:
    result = shardline(
        "run", small_config(), "--force", reason, "--output-dir", tmp_path / "run"
    )

    assert result.exit_code == 1
    assert "--force needs a reason, which is recorded; it is empty." in result.output
    assert not (tmp_path / "run").exists()
