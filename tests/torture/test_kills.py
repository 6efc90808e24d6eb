"""Trainings that are killed by signal 9 while they save, and go on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.embedding.native.library import missing_reason

scale = load("torture/scale.py")

HERE = Path(__file__).parent

pytestmark = pytest.mark.slow


@pytest.mark.timeout(3600)
def test_no_kill_loses_a_durable_set_or_changes_what_is_restored(
    tmp_path: Path,
) -> None:
    command = [sys.executable, HERE / "kills.py", tmp_path, "--kills", str(scale.KILLS)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    report = json.loads(finished.stdout.splitlines()[-1])

    scale.tell("kills", report["counts"] | {"points": len(report["killed at"])})
    assert report["faults"] == []
    assert report["counts"]["kills"] == scale.KILLS
    if scale.KILLS >= 10 * len(report["killed at"]) and not missing_reason():
        assert min(report["killed at"].values()) > 0, report["killed at"]
