"""Restoring a shard takes its size and little more; each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("restore_memory_program.py")
ALLOWED_BYTES = 256 * 10**6

pytestmark = pytest.mark.slow


def run(action, prefix, host_count):
    """Runs the program; returns the lines it printed."""
    finished = subprocess.run(
        [sys.executable, str(PROGRAM), action, str(prefix), str(host_count)],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


def measured(action, prefix, host_count):
    """Returns the bytes that each action took beyond the shards themselves."""
    result = json.loads(run(action, prefix, host_count)[-1])
    assert result["shards"] > 600 * 10**6
    return {action: peak - result["shards"] for action, peak in result["peaks"].items()}


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A checkpoint of 614 MB that three hosts wrote."""
    path = tmp_path_factory.mktemp("memory") / "ours"
    extra = measured("write", path, 3)
    assert max(extra.values()) < ALLOWED_BYTES, extra
    return path


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """The same, written by TensorFlow's own class in two pieces."""
    path = tmp_path_factory.mktemp("memory") / "theirs"
    run("theirs", path, 1)
    return path


@pytest.mark.parametrize(("action", "host_count"), [("before", 2), ("after", 1)])
@pytest.mark.parametrize("writer", ["ours", "theirs"])
def test_restore_takes_the_shards_and_less_than_256_mb(
    request, writer, action, host_count
):
    extra = measured(action, request.getfixturevalue(writer), host_count)
    assert max(extra.values()) < ALLOWED_BYTES, extra
    # Fewer than the shards' bytes were resident: nothing was measured.
    assert min(extra.values()) > -10 * 10**6, extra
