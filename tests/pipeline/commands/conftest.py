"""Runs a command of `shardline` in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shardline.pipeline.commands.app import app


@pytest.fixture
def invoke() -> Callable[..., Result]:
    """Runs a command on a wide terminal, and returns what it printed and how it ended.

    A command that fails as it should ends by SystemExit, not by another exception.
    """

    def run(*arguments: str | Path, columns: int = 200) -> Result:
        command = [str(argument) for argument in arguments]
        result = CliRunner().invoke(app, command, env={"COLUMNS": str(columns)})
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run
