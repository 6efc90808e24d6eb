"""`shardline erase` says what it does, and what it cannot do."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shardline.pipeline.commands.app import app
from shardline.pipeline.run_folder import RunFolder

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(small_config: Callable[..., Path], tmp_path: Path) -> Invoke:
    config = small_config()
    ids = tmp_path / "ids"
    ids.write_text("17\n")

    def call(feature: str, folder: Path, *more: str) -> Result:
        arguments = ["erase", str(config), "--feature", feature, "--ids", str(ids)]
        return CliRunner().invoke(app, [*arguments, "--output-dir", str(folder), *more])

    return call


def test_unknown_feature_is_an_error_with_those_there_are(
    invoke: Invoke, tmp_path: Path
) -> None:
    result = invoke("item_id", tmp_path / "run")

    assert result.exit_code == 1
    assert "There is no feature `item_id`; there are genres, history" in result.output


def test_folder_without_a_run_is_left_alone(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("user_id", tmp_path / "run")

    assert result.exit_code == 1
    assert "run holds no run: nothing to erase" in " ".join(result.output.split())
    assert not (tmp_path / "run").exists()


def test_folder_of_a_run_that_goes_on_is_not_touched(
    invoke: Invoke, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.make()
    with folder.held():
        result = invoke("user_id", folder.root)

    assert result.exit_code == 1
    assert f"is held by process {os.getpid()}" in " ".join(result.output.split())
    assert not (folder.serving / "erased.json").exists()


def test_run_that_made_nothing_yet_has_its_tombstones(
    invoke: Invoke, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.make()

    dry = invoke("user_id", folder.root, "--dry-run")
    assert not (folder.serving / "erased.json").exists()
    result = invoke("user_id", folder.root)

    assert "Would erase 1 ids of `user_id`" in dry.output
    assert result.exit_code == 0, result.output
    assert "Nothing holds one of them" in result.output
    assert (folder.serving / "erased.json").exists()
