"""What stands after two hyphens is of the runner, and of no argument."""

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from shardline.pipeline.commands.runner_options import TakesRunnerOptions

app = typer.Typer()


@app.command(cls=TakesRunnerOptions)
def show(
    context: typer.Context,
    files: list[str],
    output: Annotated[str, typer.Option()] = "",
) -> None:
    typer.echo(f"{files} {output} {context.args}")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["a", "b"], "['a', 'b']  []"),
        (["a", "--output=o", "--", "--x=1", "--y"], "['a'] o ['--x=1', '--y']"),
        (["a", "--"], "['a']  []"),
        (["a", "--", "b", "--", "c"], "['a']  ['b', '--', 'c']"),
    ],
)
def test_files_end_at_two_hyphens(given: list[str], told: str) -> None:
    assert CliRunner().invoke(app, given).output.strip() == told


def test_options_of_the_runner_are_none_of_the_command() -> None:
    result = CliRunner().invoke(app, ["a", "--x=1"])

    assert result.exit_code == 2
    assert "--x" in result.output
