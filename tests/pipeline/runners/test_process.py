"""How a pipeline process is followed, with a shell script in its place."""

import io
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from shardline.pipeline.run_folder import RunFolder
from shardline.pipeline.runners import process
from shardline.pipeline.runners.process import run_in_process
from shardline.pipeline.runners.result import RunResult
from shardline.pipeline.terminal.escaping import EscapingConsole

# $pipe is what comes after --events, the last argument.
HEAD = '#!/bin/sh\nfor pipe; do :; done\ntell() { echo "$1" > "/dev/fd/$pipe"; }\n'
STARTED = 'tell \'{"kind": "started", "component": "Trainer"}\'\n'
DONE = 'tell \'{"kind": "finished", "component": "Trainer", "text": "done"}\'\n'
SUMMARY = 'tell \'{"kind": "summary", "values": {"AUC": "0.75"}}\'\n'


@pytest.fixture
def follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[RunResult, str]]]:
    """Runs a script as a pipeline process; tells what came of it, and what is shown."""
    run_folder = RunFolder(tmp_path / "run")
    run_folder.make()

    def run(
        script: str, verbose: bool = False, arguments: Sequence[str] = ()
    ) -> tuple[RunResult, str]:
        python = tmp_path / "python"
        python.write_text(HEAD + script)
        python.chmod(0o755)
        monkeypatch.setattr(process.sys, "executable", str(python))
        shown = io.StringIO()
        with run_folder.held() as lock:
            result = run_in_process(
                Path("a.yaml"),
                run_folder,
                lock,
                EscapingConsole(file=shown, width=100),
                arguments,
                verbose=verbose,
            )
        return result, shown.getvalue()

    before = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, before)


def test_good_process_shows_its_summary(
    follow: Callable[..., tuple[RunResult, str]],
) -> None:
    result, shown = follow(STARTED + DONE + SUMMARY)

    assert result.exit_code == 0
    assert "Trainer            done" in shown
    assert "AUC" in shown
    assert "0.75" in shown


def test_failure_shows_its_component_reason_and_log(
    follow: Callable[..., tuple[RunResult, str]], tmp_path: Path
) -> None:
    failed = 'tell \'{"kind": "failed", "text": "reason [with] brackets"}\'\nexit 1\n'

    result, shown = follow(STARTED + failed)

    assert result.exit_code == 1
    assert "Failed in Trainer after" in shown
    assert "reason [with] brackets" in shown
    assert f"The log is {tmp_path}" in shown


def test_control_characters_of_the_process_are_escaped(
    follow: Callable[..., tuple[RunResult, str]], tmp_path: Path
) -> None:
    raw, hostile = "\x1b[31m\u202e:smile:", "\\\\u001b[31m\\\\u202e:smile:"
    script = (
        f"printf '{raw}\\n'\n"
        f'tell \'{{"kind": "progress", "component": "a", "text": "{hostile}"}}\'\n'
        f'tell \'{{"kind": "summary", "values": {{"AUC": "{hostile}"}}}}\'\n'
    )

    _, shown = follow(script)
    failed = f'tell \'{{"kind": "failed", "text": "{hostile}"}}\'\nexit 1\n'
    _, shown_failed = follow(STARTED + failed)

    told = r"\x1b[31m\u202e:smile:"
    assert shown.count(told) == 2
    assert told in shown_failed
    assert "\x1b" not in shown + shown_failed
    logs = sorted((tmp_path / "run" / "logs").iterdir())
    assert logs[0].read_text() == f"{told}\n"


def test_text_with_brackets_is_shown_as_it_is(
    follow: Callable[..., tuple[RunResult, str]],
) -> None:
    progress = 'tell \'{"kind": "progress", "text": "loss [/] [red] 0.5"}\'\n'
    summary = 'tell \'{"kind": "summary", "values": {"Place": "/a[1]/[b]"}}\'\n'

    result, shown = follow(STARTED + progress + DONE + summary)

    assert result.exit_code == 0
    assert "Trainer: loss [/] [red] 0.5" in shown
    assert "/a[1]/[b]" in shown


def test_long_progress_stays_on_one_line(
    follow: Callable[..., tuple[RunResult, str]],
) -> None:
    text = "word " * 40
    progress = f'tell \'{{"kind": "progress", "text": "{text}end"}}\'\n'

    _, shown = follow(STARTED + progress + DONE + SUMMARY)

    assert f"  Trainer: {text}end\n" in shown


@pytest.mark.parametrize(
    ("end", "exit_code", "told"),
    [
        ("kill -KILL $$", 75, "the process was ended by SIGKILL: by a person, or by"),
        (
            "kill -SEGV $$",
            139,
            "the process was ended by SIGSEGV. What was done before",
        ),
        ("kill -HUP $$", 75, "the process was ended by SIGHUP. What was done before"),
        ("exit 7", 7, "the process ended with exit code 7. What was done before is"),
        ("exit 0", 1, "the process ended with exit code 0. What was done before is"),
    ],
)
def test_process_that_says_nothing_of_its_end_failed(
    follow: Callable[..., tuple[RunResult, str]], end: str, exit_code: int, told: str
) -> None:
    result, shown = follow(f"{STARTED}{end}\n")

    assert result.exit_code == exit_code
    assert "Failed in Trainer" in shown
    assert told in shown


def test_end_before_the_first_component_is_said_so(
    follow: Callable[..., tuple[RunResult, str]],
) -> None:
    _, shown = follow("exit 7\n")

    assert "Failed before the first component after " in shown


def test_silence_is_broken_by_a_heartbeat(
    follow: Callable[..., tuple[RunResult, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_HEARTBEAT_S", 0.5)

    _, shown = follow(f"{STARTED}sleep 2.5\n{DONE}{SUMMARY}")

    assert "  Trainer ... " in shown


def test_what_the_process_prints_goes_to_the_log_alone(
    follow: Callable[..., tuple[RunResult, str]], tmp_path: Path
) -> None:
    _, shown = follow(f"echo library; echo warning >&2; {SUMMARY}")

    (log,) = (tmp_path / "run" / "logs").iterdir()
    assert log.read_text() == "library\nwarning\n"
    assert "library" not in shown
    assert "warning" not in shown


def test_verbose_shows_and_keeps_what_the_process_prints(
    follow: Callable[..., tuple[RunResult, str]],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    follow(f"echo library; {SUMMARY}", verbose=True)

    (log,) = (tmp_path / "run" / "logs").iterdir()
    assert log.read_text() == "library\n"
    assert "library" in capfd.readouterr().out


def test_temporary_files_of_the_process_are_gone_after_it(
    follow: Callable[..., tuple[RunResult, str]], tmp_path: Path
) -> None:
    follow(f'touch "$TMPDIR/left"; {SUMMARY}')

    assert list(tmp_path.rglob("left")) == []


def test_process_holds_the_lock_of_the_run_folder(
    follow: Callable[..., tuple[RunResult, str]], tmp_path: Path
) -> None:
    # Of the descriptors of the process, the one that is named is the locked file.
    find = 'for n in "$@"; do [ "$last" = --lock ] && echo $n; last=$n; done'
    script = f'lock=$({find})\nreadlink "/proc/$$/fd/$lock"\n'

    follow(f"{script}{SUMMARY}")

    (log,) = (tmp_path / "run" / "logs").iterdir()
    assert log.read_text() == f"{tmp_path / 'run' / '.lock'}\n"


def test_more_of_the_command_line_reaches_the_process(
    tmp_path: Path, follow: Callable[..., tuple[RunResult, str]]
) -> None:
    follow(f'printf "<%s>" "$@"; {SUMMARY}', arguments=["--no-cache", "--force=a b"])

    (log,) = (tmp_path / "run" / "logs").iterdir()
    assert "<--no-cache><--force=a b><--lock>" in log.read_text()


def test_what_the_process_knows_of_its_end_is_in_the_result(
    follow: Callable[..., tuple[RunResult, str]], tmp_path: Path
) -> None:
    facts = '"spans": ["2026-11"], "version": "7", "is_more_due": true'
    told = f'"result": {{{facts}}}}}\''

    good, _ = follow(f'tell \'{{"kind": "summary", "values": {{"AUC": "1"}}, {told}')
    bad, _ = follow(f'tell \'{{"kind": "failed", "text": "gone", {told}; exit 75')

    first, second = sorted((tmp_path / "run" / "logs").iterdir())
    known = {"version": "7", "spans": ("2026-11",), "is_more_due": True}
    assert good == RunResult(0, **known, log=str(first))
    assert bad == RunResult(75, "gone", **known, log=str(second))
