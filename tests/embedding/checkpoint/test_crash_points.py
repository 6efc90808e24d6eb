"""A point kills the process by signal 9 where it is told to, and nowhere else."""

import os
import signal
import subprocess
import sys

import pytest

from shardline.embedding.checkpoint import crash_points

PROGRAM = """
import runpy, sys
crash_point = runpy.run_path(sys.argv[1])["crash_point"]
for name in ("first", "second", "first", "second"):
    print(name, flush=True)
    crash_point(name)
"""


def lines_until_the_end(value):
    environment = {**os.environ, crash_points.CRASH_AT: value}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, crash_points.__file__],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.split()


@pytest.mark.parametrize(
    ("value", "passed"),
    [("first", 1), ("second:1", 2), ("first:2", 3), ("second:2", 4)],
)
def test_named_pass_of_a_point_kills(value, passed):
    killed, lines = lines_until_the_end(value)
    assert killed == -signal.SIGKILL
    assert lines == ["first", "second", "first", "second"][:passed]


@pytest.mark.parametrize("value", ["", "third", "first:3", ":1"])
def test_other_names_and_passes_do_not(value):
    assert lines_until_the_end(value) == (0, ["first", "second"] * 2)
