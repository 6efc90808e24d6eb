"""The unit of systemd and the line of a crontab in the documents, by real programs."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from shardline_tests import load

stopped_run = load("pipeline/test_stopped_run.py")
pytestmark = pytest.mark.orchestration
PAGE = Path(__file__).parents[3] / "docs" / "schedule.md"
PROGRAM = "/opt/shardline/bin/shardline"


def block(begin: str) -> str:
    """The fenced block of the page that begins so, with the program of this test."""
    (text,) = re.findall(rf"```\w*\n({re.escape(begin)}.*?)```", PAGE.read_text(), re.S)
    assert PROGRAM in text
    return str(text).replace(PROGRAM, str(stopped_run.SHARDLINE))


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze"
)
def test_systemd_has_nothing_against_the_unit(tmp_path: Path) -> None:
    text = block("[Unit]").replace("User=shardline\n", "")  # whom this machine lacks
    assert "\nOOMPolicy=continue\n" in text  # else one run ends the scheduler
    unit = tmp_path / "shardline-clicks.service"
    unit.write_text(text.replace("/srv/clicks", str(tmp_path)))

    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True
    )

    about_it = [line for line in verified.stderr.splitlines() if unit.name in line]
    assert about_it == []


def test_systemd_would_name_a_wrong_key(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    unit = tmp_path / "wrong.service"
    unit.write_text(block("[Unit]").replace("KillMode", "KillModus"))

    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True
    )

    assert "KillModus" in verified.stderr


def test_command_of_the_crontab_runs_in_the_shell_of_cron(
    small_config: Callable[..., Path], tmp_path: Path
) -> None:
    line = block("30 3 * * * ")
    fields, command = line.split(" cd ", 1)
    assert fields == "30 3 * * *"
    # The run ends before it loads anything, for its configuration is faulty.
    config = small_config(min_auc="high").read_text()
    (tmp_path / "clicks.yaml").write_text(config)

    ended = subprocess.run(
        ["/bin/sh", "-c", f"cd {command.replace('/srv/clicks', str(tmp_path))}"],
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert ended.returncode == 1
    assert ended.stdout + ended.stderr == ""
    log = (tmp_path / "cron.log").read_text()
    assert log.startswith("clicks.yaml:31: `evaluation.min_auc`: Input should be a ")
