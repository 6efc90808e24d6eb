"""What all commands share on the terminal: the consoles, and how a command fails."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

import typer

from shardline.configs import ConfigError, Job
from shardline.pipeline.terminal.escaping import EscapingConsole

_Configuration = TypeVar("_Configuration", bound=Job)

console = EscapingConsole()
error_console = EscapingConsole(stderr=True)


def print_line(text: str, style: str | None = None) -> None:
    """Prints text without markup, broken into lines by nothing but the terminal."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def end(exit_code: int) -> NoReturn:
    """Ends the command.

    Raises:
        typer.Exit: always.
    """
    raise typer.Exit(exit_code)


def fail(error: Exception, exit_code: int = 1) -> NoReturn:
    """Prints the message of an error, and ends the command."""
    error_console.print(str(error), style="red", markup=False, soft_wrap=True)
    end(exit_code)


@contextlib.contextmanager
def failing_on(
    *kinds: type[Exception], exit_code_of: Callable[[Exception], int] = lambda _: 1
) -> Iterator[None]:
    """Lets errors of some kinds end the command with their message, without a trace.

    Args:
        *kinds: of errors.
        exit_code_of: returns the exit code of the command that an error ends.
    """
    try:
        yield
    except kinds as error:
        fail(error, exit_code_of(error))


def load(
    path: Path, load_configuration: Callable[[Path], _Configuration]
) -> _Configuration:
    """Returns a configuration; ends the command if it is faulty.

    Args:
        path: the path of the YAML file.
        load_configuration: `configs.load_job`, or `load_run` if the command needs
            all that a run of the whole pipeline needs.
    """
    with failing_on(ConfigError):
        return load_configuration(path)
