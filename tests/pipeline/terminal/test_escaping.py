"""What data hold is never obeyed by a terminal: every outlet, with hostile names."""

import io
import json
import logging
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

from shardline.components.server.request_error import invalid
from shardline.pipeline.commands.app import app
from shardline.pipeline.terminal.escaping import (
    EscapingConsole,
    escaped_log,
    log_to_terminal,
    print_json,
)

HOSTILE = "it\x1b[31mem\x07\x9b1m\u202e[red]:smile:\x7f"
TOLD = r"it\x1b[31mem\x07\x9b1m\u202e[red]:smile:\x7f"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def assert_no_control(text: str) -> None:
    assert not RAW.search(text), RAW.search(text)


@pytest.fixture
def terminal() -> tuple[EscapingConsole, io.StringIO]:
    shown = io.StringIO()
    return EscapingConsole(file=shown, width=200, color_system=None), shown


def test_terminal_escapes_text_tables_and_titles(
    terminal: tuple[EscapingConsole, io.StringIO],
) -> None:
    console, shown = terminal
    table = Table(title=HOSTILE.replace("[red]", ""))
    table.add_column(HOSTILE.replace("[red]", ""))
    table.add_row("Größe\t東京 :smile:")

    console.print(HOSTILE, markup=False)
    console.print(table)
    console.print("[red]ours[/] :smile:")

    told = shown.getvalue()
    assert_no_control(told)
    assert told.splitlines()[0] == TOLD
    assert told.count(TOLD.replace("[red]", "")) == 2
    assert r"Größe\t東京 :smile:" in told
    assert told.endswith("ours :smile:\n")


def test_terminal_keeps_its_own_colours() -> None:
    shown = io.StringIO()
    console = EscapingConsole(file=shown, force_terminal=True, color_system="standard")

    console.print("[red]wrong[/] \x1b[31m", highlight=False)
    console.print(Text("\x1b[1mtext"), style="red")

    assert shown.getvalue() == (
        "\x1b[31mwrong\x1b[0m \\x1b[31m\n\x1b[31m\\x1b[1mtext\x1b[0m\n"
    )


def test_json_is_ascii_without_controls(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({HOSTILE: [HOSTILE]})

    told = capsys.readouterr().out
    assert told.isascii()
    assert_no_control(told)
    assert json.loads(told) == {HOSTILE: [HOSTILE]}


@pytest.mark.parametrize("is_shown", [False, True])
def test_log_of_another_process_is_escaped(
    is_shown: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = HOSTILE.encode() + b" \xff caf\xc3\xa9\tx\r\n" + b"y" * 200_000 + b"\n"
    (tmp_path / "said").write_bytes(text)
    with escaped_log(tmp_path / "log", is_shown=is_shown) as log:
        subprocess.run(["cat", str(tmp_path / "said")], stdout=log, check=True)

    expected = f"{TOLD} \\xff café\tx\\r\n{'y' * 200_000}\n"
    assert (tmp_path / "log").read_text() == expected
    assert capfd.readouterr().out == (expected if is_shown else "")


def test_process_that_stays_does_not_hold_the_log_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardline.pipeline.terminal.escaping._LAST_LINES_S", 0.2)
    with escaped_log(tmp_path / "log", is_shown=False) as log:
        stays = subprocess.Popen(["sleep", "60"], stdout=log)
    try:
        assert stays.poll() is None
    finally:
        stays.kill()
        stays.wait()


def test_loggers_escape(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging.getLogger(), "level", logging.WARNING)
    log_to_terminal("shardline.shown", logging.INFO, others_level=logging.ERROR)

    logging.getLogger("shardline.shown").info("of %s", HOSTILE)

    told = capsys.readouterr().err
    assert told.endswith(f" of {TOLD}\n")
    assert_no_control(told)


def test_server_says_what_it_refuses_escaped() -> None:
    assert invalid(f"no input {HOSTILE}").message == f"no input {TOLD}"


COLUMN = f'"{TOLD}"'.replace("[red]:smile:", "").replace(r"\x7f", "")
CONFIG = """\
name: shown
data:
  path: PATH
  files: {format: FORMAT, splits: {train: "TRAIN"}}
  label: label
features:
  item: {table: item, column: COLUMN}
tables:
  item: {dim: 4}
"""
NAME = "it\x1b[31mem\x07\x9b1m\u202e"


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """Writes data and a configuration, and runs a command of `shardline`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(
        *arguments: str, form: str = "csv", train: str = "d.csv", **changes: str
    ) -> tuple[int, str]:
        tokens = ["\x1b[31mred", "[bold]b", "c\u202ed", "e\x9bf"] * 5
        if form == "csv":
            rows = [f"{i % 2},{token}" for i, token in enumerate(tokens)]
            text = "\n".join([f"label,{NAME}", *rows]) + "\n"
            Path("d.csv").write_text(text)
        else:
            _write_records(Path("d.csv"), tokens)
        config = CONFIG.replace("FORMAT", form).replace("TRAIN", train)
        config = config.replace("COLUMN", changes.get("column", COLUMN))
        config = config.replace("PATH", changes.get("path", "."))
        for old, new in changes.items():
            config = config.replace(old.replace("__", ": "), new)
        Path("c.yaml").write_text(config)
        result = CliRunner().invoke(
            app, [a.replace("CONFIG", "c.yaml") for a in arguments]
        )
        return result.exit_code, result.output

    return run


def _write_records(file: Path, tokens: list[str]) -> None:
    with tf.io.TFRecordWriter(str(file)) as writer:
        for i, token in enumerate(tokens):
            example = tf.train.Example()
            example.features.feature["label"].float_list.value.append(i % 2)
            example.features.feature[NAME].bytes_list.value.append(token.encode())
            writer.write(example.SerializeToString())


@pytest.mark.parametrize("form", ["csv", "tfrecord"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "CONFIG"),
        ("check", "CONFIG", "--json"),
        ("plan", "CONFIG", "--plots", "plots"),
        ("preprocess", "CONFIG", "--output", "out"),
    ],
)
def test_hostile_names_and_tokens_are_shown_escaped(
    command: Callable[..., tuple[int, str]], form: str, arguments: tuple[str, ...]
) -> None:
    code, told = command(*arguments, form=form)

    assert code == 0, told
    assert_no_control(told)
    if arguments == ("check", "CONFIG"):
        assert r"it\x1b[31mem\x07\x9b1m\u202e" in told
        assert r"\x1b[31mred" in told


@pytest.mark.parametrize("form", ["csv", "tfrecord"])
@pytest.mark.parametrize("name", ["check", "plan", "preprocess"])
def test_faults_of_hostile_columns_are_told_escaped(
    command: Callable[..., tuple[int, str]], form: str, name: str
) -> None:
    more = ("--output", "out") if name == "preprocess" else ()
    code, told = command(name, "CONFIG", *more, form=form, column='"\\e[1mabsent\\n"')

    assert code == 1
    assert r"`\x1b[1mabsent\n`" in told
    assert_no_control(told)


@pytest.mark.parametrize("name", ["check", "plan", "preprocess"])
def test_hostile_cells_patterns_and_places_are_told_escaped(
    command: Callable[..., tuple[int, str]], name: str, tmp_path: Path
) -> None:
    more = ("--output", "out\x1b\u202e") if name == "preprocess" else ()
    _, told = command(
        name,
        "CONFIG",
        *more,
        **{"{table: item,": "{table: item, dtype: int64, ids: {range: 9},"},
    )
    assert r"\x1b[31mred" in told
    assert_no_control(told)

    code, told = command(name, "CONFIG", *more, train="\\e[1mabsent*")
    assert code == 1
    assert r"no file matches `\x1b[1mabsent*`" in told
    assert_no_control(told)

    _, told = command(name, "CONFIG", *more, path='"\\e[1mabsent"')
    assert r"\x1b[1mabsent" in told
    assert_no_control(told)

    (tmp_path / "\x1b[1mbad\u202e.csv").write_text(f"label,{NAME}\nx,y\n")
    code, told = command(name, "CONFIG", *more, train="*bad*.csv")
    assert code == 1
    assert name == "check" or r"\x1b[1mbad\u202e.csv" in told
    assert_no_control(told)


def test_hostile_configuration_is_told_escaped(
    command: Callable[..., tuple[int, str]],
) -> None:
    code, told = command("check", "CONFIG", dim__4='"\\e[1mfour": "\\e[2mfive"')
    assert code == 1
    assert r"unknown key `\x1b[1mfour`" in told
    assert_no_control(told)

    _, told = command("check", "CONFIG", dim__4='dim: "\\e[2mfive[red]"')
    assert r"got '\x1b[2mfive[red]'" in told
    assert_no_control(told)

    for name in ("check", "plan", "run", "serve"):
        code, told = command(name, "\x1b[1mno.yaml")
        assert code == 1
        assert r"\x1b[1mno.yaml" in told
        assert_no_control(told)
