"""How commands print lines, fail, and load their configuration."""

from pathlib import Path

import pytest
import typer

from shardline.configs import ConfigError, load_job
from shardline.configs.fault import Fault
from shardline.pipeline.commands.console import (
    end,
    fail,
    failing_on,
    load,
    print_line,
)


def test_line_is_printed_as_it_is_however_long(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "[red]no markup[/] :smile: " + 300 * "word "

    print_line(text.rstrip(), "yellow")

    assert capsys.readouterr() == (f"{text.rstrip()}\n", "")


def test_end_has_the_exit_code() -> None:
    with pytest.raises(typer.Exit) as ended:
        end(3)

    assert ended.value.exit_code == 3


def test_failure_is_told_on_stderr_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        fail(ValueError("`[red]x` is no number; \x1b[1mwrite one."))

    assert ended.value.exit_code == 1
    assert capsys.readouterr() == ("", "`[red]x` is no number; \\x1b[1mwrite one.\n")


def test_errors_of_the_named_kinds_alone_end_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit), failing_on(OSError, KeyError):
        raise FileNotFoundError("absent")
    with pytest.raises(RuntimeError, match="a fault of ours"), failing_on(OSError):
        raise RuntimeError("a fault of ours")

    assert capsys.readouterr().err == "absent\n"


def test_faulty_configuration_ends_the_command_and_another_is_returned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path) -> None:
        raise ConfigError(Fault((), "unknown key `nam`", file=str(path), line=1))

    with pytest.raises(typer.Exit):
        load(tmp_path / "run.yaml", refuse)  # type: ignore[type-var]
    assert "run.yaml:1: unknown key `nam`." in capsys.readouterr().err

    with pytest.raises(typer.Exit):
        load(tmp_path / "absent.yaml", load_job)
    assert "cannot be read" in capsys.readouterr().err


def test_configuration_is_returned_as_it_was_loaded(small_config) -> None:
    assert load(small_config(), load_job) == load_job(small_config())
