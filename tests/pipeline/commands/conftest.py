"""Runs a command of `shardline` in this process, and `check` on seeded mistakes."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load
from typer.testing import CliRunner, Result

from shardline.pipeline.commands.app import app
from shardline.pipeline.commands.console import console, error_console

examples = load(Path(__file__).with_name("seeded") / "examples.py")
servers = load("platform/servers.py")
_PLATFORMS = {"kubeflow": servers.Kubeflow, "vertex": servers.Vertex}


@pytest.fixture(params=_PLATFORMS)
def runner(request: pytest.FixtureRequest) -> str:
    """The name of a platform."""
    return request.param


@pytest.fixture
def server(runner: str) -> Iterator[Any]:
    """A server of this machine that answers as the platform does."""
    with servers.serving(_PLATFORMS[runner]()) as serving:
        yield serving


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command on a wide terminal, and returns what it printed and how it ended.

    A command that fails as it should ends by SystemExit, not by another exception.
    """

    def run(*arguments: str | Path, columns: int = 200) -> Result:
        # What COLUMNS was when the consoles were made is not what it is now.
        for one in (console, error_console):
            monkeypatch.setattr(one, "_width", columns)
        command = [str(argument) for argument in arguments]
        result = CliRunner().invoke(app, command, env={"COLUMNS": str(columns)})
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Path, Result]]:
    """Writes data and a configuration, and checks them by the command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def run(
        form: str = "csv",
        changes: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
        *options: str,
    ) -> tuple[Path, Result]:
        text = examples.TEXT.replace("FOLDER", str(tmp_path))
        for old, new in (changes or {}).items():
            assert text.count(old) >= 1, old
            text = text.replace(old, new, 1)
        values = {**examples.columns(), **(data or {})}
        values = {name: value for name, value in values.items() if value is not None}
        if form == "tfrecord":
            text = text.replace("format: csv", "format: tfrecord")
            text = text.replace("train.csv", "train.tfrecord")
            examples.write_tfrecord(tmp_path, values)
        else:
            examples.write_csv(tmp_path, values)
        config = tmp_path / "sales.yaml"
        config.write_text(text)
        return config, CliRunner().invoke(app, ["check", str(config), *options])

    return run
