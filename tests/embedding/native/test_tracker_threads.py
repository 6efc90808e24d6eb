"""Threads that train and a thread that writes do not race, as a sanitizer sees it."""

import subprocess
from pathlib import Path

import pytest

from shardline.embedding.native.build import SOURCES, compiler

HERE = Path(__file__).parent
TRACKER = ["row_tracker.cc", "copies_aside.cc", "copy_room.cc", "crash_point.cc"]


@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
def test_cuts_written_beside_training_are_right_and_without_races(tmp_path, sanitizer):
    if compiler() is None:
        pytest.skip("there is no C++ compiler")
    program = tmp_path / "driver"
    sources = [HERE / "tracker_driver.cc", *(SOURCES / name for name in TRACKER)]
    flags = ["-std=c++17", "-O1", "-g", "-pthread", f"-I{SOURCES}"]
    built = subprocess.run(
        [compiler(), *flags, f"-fsanitize={sanitizer}", *sources, "-o", program],
        capture_output=True,
        text=True,
        check=False,
    )
    if "cannot find" in built.stderr:
        pytest.skip(f"the compiler has no libraries for -fsanitize={sanitizer}")
    assert not built.returncode, built.stderr
    done = subprocess.run(
        [program, tmp_path], env={}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "6\n"), done.stderr
