"""What several commands take has one name and one help in all of them."""

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from shardline.pipeline.commands.app import app


def leaves() -> dict[str, Any]:
    """Returns all commands, by their words."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return {
        f"{name} {word}".strip(): leaf
        for name, command in commands.items()
        for word, leaf in getattr(command, "commands", {"": command}).items()
    }


def helps_of(option: str) -> dict[str, str]:
    """Returns the help of an option or argument, by command."""
    return {
        name: parameter.help
        for name, leaf in leaves().items()
        for parameter in leaf.params
        if option in parameter.opts
    }


def test_configuration_is_one_argument() -> None:
    helps = helps_of("config")

    assert set(helps) == {
        "airflow", "check", "compile", "erase", "evaluate", "metadata check", "plan",
        "preprocess", "run",
        "schedule delete", "schedule pause", "schedule resume", "schedule start",
        "schedule status", "schedule trigger", "score", "serve-check",
        "spans ls", "spans replay", "spans retry", "spans skip", "submit", "worker",
    }  # fmt: skip
    told = "The configuration of the run: a YAML file."
    assert all(help.startswith(told) for help in helps.values())


def test_run_folder_is_one_option() -> None:
    helps = helps_of("--output-dir")

    assert set(helps) == {
        "airflow",
        "checkpoint diff", "checkpoint export", "checkpoint inspect", "checkpoint ls",
        "checkpoint rewind", "checkpoint verify", "erase", "evaluate",
        "metadata check",
        "models gc", "models ls", "models promote", "models rollback", "run", "serve",
        "schedule pause", "schedule resume", "schedule start", "schedule status",
        "schedule trigger", "score", "serve-check",
        "spans ls", "spans replay", "spans retry", "spans skip",
    }  # fmt: skip
    assert len(set(helps.values())) == 1
    assert "Default: runs/<name of the run>." in helps["run"]


def test_json_to_print_is_a_flag_of_one_help() -> None:
    helps = helps_of("--json")

    assert (
        helps["check"]
        == helps["models ls"]
        == helps["evaluate"]
        == "Print JSON instead of a table."
    )
    assert helps["plan"] == "Also write the plan to this file."


@pytest.mark.parametrize("option", ["inputs", "--version", "--model"])
def test_scoring_and_judging_ask_alike(option: str) -> None:
    helps = {k: v for k, v in helps_of(option).items() if k in ("score", "evaluate")}

    assert set(helps) == {"score", "evaluate"}
    assert len(set(helps.values())) == 1


@pytest.mark.orchestration
@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        (["run", "a.yaml", "--output-dir=gs://bucket/run"], "Name a local one."),
        (["serve", "gs://bucket/serving"], "with `shardline agent"),
    ],
)
def test_bucket_in_the_place_of_a_folder_is_wrong_usage(
    command: list[str], remedy: str
) -> None:
    result = CliRunner().invoke(app, command, env={"COLUMNS": "400"})

    assert result.exit_code == 2
    assert remedy in " ".join(result.output.split())


@pytest.mark.orchestration
def test_no_path_takes_a_bucket_for_a_folder() -> None:
    paths = {
        f"{name} {parameter.name}": parameter
        for name, leaf in leaves().items()
        for parameter in leaf.params
        if parameter.type_descriptor.annotation is Path
    }

    assert {"run config", "compile output", "checkpoint export output"} <= set(paths)
    for parameter in paths.values():
        with pytest.raises(typer.BadParameter, match="is in an object store"):
            parameter.callback(None, parameter, Path("gs://bucket/a"))
