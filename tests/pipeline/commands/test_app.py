"""All commands are there, each with its help, and none imports anything slow."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import Result

from shardline.pipeline.commands.app import app

COMMANDS = ["doctor", "init", "check", "plan", "scale", "run", "worker", "erase",
            "serve", "serve-check", "agent", "preprocess", "score", "evaluate",
            "conformance", "compile", "airflow", "submit", "models", "checkpoint",
            "metadata", "spans",
            "schedule"]  # fmt: skip
SLOW = {"tensorflow", "tfx", "apache_beam", "pyarrow", "numpy", "keras", "matplotlib"}
COMPILE = [
    "--pipeline-root=/root",
    "--serving-dir=/serving",
    "--data-path=/data",
    "--image=image",
]


def all_commands() -> Iterator[tuple[str, list[str], str]]:
    """Yields the words of each command, its options, and its docstring."""
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        nested = getattr(command, "commands", {"": command})
        for word, leaf in nested.items():
            options = [
                option
                for parameter in leaf.params
                for option in parameter.opts
                if option.startswith("--")
            ]
            yield f"{name} {word}".strip(), options, leaf.callback.__doc__


HELP = {name: (options, text) for name, options, text in all_commands()}


def test_help_lists_every_command_in_the_order_of_use(
    invoke: Callable[..., Result],
) -> None:
    result = invoke("--help")

    assert result.exit_code == 0
    named = re.findall(r"^│ ([a-z][a-z-]+) ", result.output, re.MULTILINE)
    assert named == COMMANDS
    assert {name.split()[0] for name in HELP} == set(COMMANDS)


def test_no_command_shows_the_help(invoke: Callable[..., Result]) -> None:
    assert "serve-check" in invoke().output


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", HELP)
def test_help_of_a_command_tells_what_it_does_and_its_options(
    invoke: Callable[..., Result], command: str, columns: int
) -> None:
    options, text = HELP[command]

    result = invoke(*command.split(), "--help", columns=columns)

    assert result.exit_code == 0, result.output
    assert f"shardline {command} " in result.output.replace("root ", "shardline ")
    for option in [*options, "--help"]:
        assert f"{option} " in result.output
    # Each line of the docstring is one of the help: none is broken at this width.
    shown = [line.strip() for line in result.output.splitlines()]
    told = [line.strip() for line in text.splitlines() if line.strip()]
    assert [line for line in told if line not in shown] == []


@pytest.mark.parametrize("command", HELP)
def test_every_option_and_argument_has_a_help(command: str) -> None:
    group = typer.main.get_command(app)
    for word in command.split():
        group = group.commands[word]  # type: ignore[attr-defined]

    for parameter in group.params:
        assert parameter.help.endswith((".", "<name of the run>.")), parameter.name


def test_command_line_imports_nothing_slow() -> None:
    code = (
        "import sys, shardline.pipeline.commands.app\n"
        "print(*[name.rpartition('.')[2] for name in sys.modules"
        " if name.startswith('shardline.pipeline.commands.')])\n"
        f"print(*sys.modules.keys() & {SLOW!r})"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    modules, slow = done.stdout.splitlines()
    assert {name.replace("-", "_") for name in COMMANDS} < set(modules.split())
    assert slow == ""


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
    invoke: Callable[..., Result],
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "run.yaml"
    config.write_text("nam: x\n")

    result = invoke(*arguments, config)

    assert result.exit_code == 1
    assert f"{config}:1: unknown key `nam`; did you mean `name`?" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["run.yaml"]


@pytest.mark.parametrize("command", ["run", "serve-check", "serve", "check", "plan"])
def test_absent_configuration_is_told(
    invoke: Callable[..., Result], command: str, tmp_path: Path
) -> None:
    result = invoke(command, tmp_path / "absent.yaml")

    assert result.exit_code == 1
    assert "absent.yaml: cannot be read: No such file or directory." in result.output


def test_interrupted_command_ends_with_one_line_and_the_code_of_its_signal() -> None:
    program = (
        "import os, signal\n"
        "from shardline.pipeline.commands.app import app\n"
        "@app.command('wait')\n"
        "def wait() -> None:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    signal.pause()\n"
        "app(['wait'])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 128 + 15
    assert done.stderr == (
        "Interrupted: shardline wait. No unfinished output is left; run the same "
        "command again.\n"
    )
