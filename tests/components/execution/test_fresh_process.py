"""Programs in fresh processes: their lines, their errors and their end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shardline.components.execution.fresh_process import (
    ProgramError,
    TimeLimitError,
    output_lines,
)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A file to write a program into."""
    return tmp_path / "program.py"


def test_program_reads_its_request_and_its_lines_come_back(program: Path) -> None:
    program.write_text(
        "import json, sys\nfor word in json.load(sys.stdin)['words']: print(word)\n"
    )

    lines = list(output_lines(program, {"words": ["one", "two"]}, time_limit_s=60))

    assert lines == ["one\n", "two\n"]


def test_program_is_isolated_from_environment_and_folder(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise RuntimeError('not isolated')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    program.write_text("import json\nprint(json.loads('7'))\n")

    assert list(output_lines(program, {})) == ["7\n"]


def test_line_comes_as_soon_as_it_is_printed_and_a_close_ends_the_process(
    program: Path, tmp_path: Path
) -> None:
    program.write_text(
        "import time\n"
        "print('first', flush=True)\n"
        "time.sleep(600)\n"
        f"open({str(tmp_path / 'end')!r}, 'w')\n"
    )
    started_s = time.monotonic()

    lines = output_lines(program, {})
    assert next(lines) == "first\n"
    lines.close()

    assert time.monotonic() - started_s < 60
    assert not (tmp_path / "end").exists()


def test_error_has_the_exit_code_and_the_last_lines(program: Path) -> None:
    program.write_text(
        "import sys\n"
        "for number in range(9): print('line', number, file=sys.stderr)\n"
        "print('before')\n"
        "sys.exit(3)\n"
    )
    lines = output_lines(program, {})

    assert next(lines) == "before\n"
    with pytest.raises(ProgramError) as raised:
        next(lines)

    assert str(raised.value) == "ended with exit code 3.\nline 6\nline 7\nline 8"


@pytest.mark.parametrize("code", ["time.sleep(600)", "print('x' * 9); time.sleep(600)"])
def test_program_that_takes_too_long_is_ended(program: Path, code: str) -> None:
    program.write_text(f"import time\n{code}\n")
    started_s = time.monotonic()

    with pytest.raises(TimeLimitError, match=r"took longer than 0\.2 s"):
        list(output_lines(program, {}, time_limit_s=0.2))

    assert time.monotonic() - started_s < 60


def test_program_that_is_in_time_is_not_ended_later(program: Path) -> None:
    program.write_text("print('done')\n")

    assert list(output_lines(program, {}, time_limit_s=30)) == ["done\n"]


_CALLER = """
import sys
from pathlib import Path
from shardline.components.execution.fresh_process import output_lines
for line in output_lines(Path(sys.argv[1]), {}):
    print(line, end="", flush=True)
"""


def test_program_ends_when_the_process_that_runs_it_is_killed(program: Path) -> None:
    program.write_text(
        "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", _CALLER, str(program)],
        stdout=subprocess.PIPE,
        text=True,
    ) as caller:
        number = int(caller.stdout.readline())
        os.kill(number, 0)
        caller.send_signal(signal.SIGKILL)

    for _ in range(600):
        if not _is_running(number):
            return
        time.sleep(0.1)
    raise AssertionError("the program goes on")


def _is_running(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
