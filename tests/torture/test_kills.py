"""Trainings that are killed by signal 9 while they save, and go on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from shardline_tests import load

from shardline.embedding.native.library import CHOICE, missing_reason

scale = load("torture/scale.py")

HERE = Path(__file__).parent

pytestmark = pytest.mark.slow


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kernels", ["native", "stock"])
def test_no_kill_loses_a_durable_set_or_changes_what_is_restored(
    kernels: str, tmp_path: Path
) -> None:
    if kernels == "native" and missing_reason():
        pytest.skip(missing_reason())
    kills = scale.KILLS if kernels == "native" else max(scale.KILLS // 10, 2)
    finished = subprocess.run(
        [sys.executable, HERE / "kills.py", tmp_path, "--kills", str(kills)],
        env={**os.environ, CHOICE: kernels},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    report = json.loads(finished.stdout.splitlines()[-1])

    points = report["killed at"]
    scale.tell(f"kills, {kernels} kernels", report["counts"] | {"points": len(points)})
    assert report["faults"] == []
    assert report["counts"]["kills"] == kills
    if kills >= 10 * len(points):
        assert min(points.values()) > 0, points
