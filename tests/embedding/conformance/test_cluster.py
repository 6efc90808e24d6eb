"""The kit on a cluster of processes, by the command line of its chief."""

import json
import os
import subprocess
import sys

import pytest
from shardline_tests import load

processes = load("embedding/cluster/processes.py")

pytestmark = [pytest.mark.orchestration, pytest.mark.timeout(600)]

NAMES = ("staleness", "checkpoints")


class Hosts(processes.TestCluster):
    """Three hosts that wait for a chief."""

    def __init__(self, folder):
        super().__init__(3, folder)

    def close(self):
        for process in self._hosts.values():
            process.kill()
            process.join(30)

    def _start_chief(self):
        pass


@pytest.fixture
def ports(tmp_path_factory):
    """The ports of a cluster whose hosts run, the chief's first."""
    hosts = Hosts(tmp_path_factory.mktemp("hosts"))
    try:
        yield hosts.ports
    finally:
        hosts.close()


def test_engine_on_a_cluster_passes(ports, tmp_path):
    file = tmp_path / "report.json"
    command = [sys.executable, "-m", "shardline.embedding.conformance", "--cluster"]
    command += ["--json", str(file), "--folder", str(tmp_path)]
    for name in NAMES:
        command += ["--only", name]
    done = subprocess.run(
        command,
        env=os.environ | {"TF_CONFIG": processes.tf_config(ports, "chief", 0)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Checking the engine on a cluster of 3 hosts" in done.stdout
    report = json.loads(file.read_text())
    assert [group["name"] for group in report["groups"]] == list(NAMES)
    assert {group["verdict"] for group in report["groups"]} == {"passed"}
    moved = {case["name"] for case in report["groups"][-1]["cases"]}
    assert {"set to 1 host", "checkpoint from 2 hosts"} <= moved
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
