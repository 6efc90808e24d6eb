"""`shardline serve` finds its folder and tells what stops it, in a line."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shardline.pipeline.commands.app import app
from shardline.pipeline.commands.serve import serving_folder, unserved_delta


@pytest.mark.parametrize(
    ("folder", "name"), [("runs/movies/serving", "movies"), ("models", "models")]
)
def test_model_is_called_like_its_run_or_folder(
    tmp_path: Path, folder: str, name: str
) -> None:
    where = tmp_path / folder
    where.mkdir(parents=True)

    assert serving_folder(where, None) == (where.resolve(), name)


def test_configuration_stands_for_its_runs_folder(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    folder, name = serving_folder(small_config(), tmp_path)

    assert folder == tmp_path.resolve() / "serving"
    assert name


def test_folder_that_is_not_there_is_told(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    result = CliRunner().invoke(
        app, ["serve", str(small_config()), "--output-dir", str(tmp_path)]
    )

    assert result.exit_code == 1
    assert (
        f"There is no serving folder {tmp_path / 'serving'}. Run the" in result.output
    )


def test_absent_configuration_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["serve", str(tmp_path / "absent.yaml")])

    assert result.exit_code == 1
    assert "absent.yaml: cannot be read: No such file or directory." in result.output


@pytest.mark.parametrize(("full", "is_told"), [(7, True), (9, False)])
def test_delta_that_is_newer_than_all_full_versions_is_told(
    tmp_path: Path, full: int, is_told: bool
) -> None:
    (tmp_path / str(full)).mkdir()
    (tmp_path / "deltas" / "8").mkdir(parents=True)

    note = unserved_delta(tmp_path)

    assert ("The newest version, 8, is a delta" in note) == is_told
    assert (f"shardline agent {tmp_path} TARGET" in note) == is_told


def test_taken_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(
            app, ["serve", str(tmp_path), "--grpc-port", "0", "--rest-port", port]
        )

    assert result.exit_code == 1
    assert f"127.0.0.1:{port} cannot be listened at" in result.output
    assert "--rest-port" in result.output
