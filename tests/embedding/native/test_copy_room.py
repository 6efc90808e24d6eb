"""The file of copies aside, over a system that signals interrupt."""

import subprocess
from pathlib import Path

import pytest

from shardline.embedding.native.build import SOURCES, compiler

DRIVER = Path(__file__).parent / "copy_room_driver.cc"


def test_a_signal_while_the_file_grows_loses_no_copy(tmp_path):
    if compiler() is None:
        pytest.skip("there is no C++ compiler")
    program = tmp_path / "driver"
    sources = [
        DRIVER,
        *(SOURCES / f"{name}.cc" for name in ("copy_room", "crash_point")),
    ]
    flags = ["-std=c++17", "-O1", f"-I{SOURCES}", "-Wl,--wrap=posix_fallocate"]
    subprocess.run([compiler(), *flags, *sources, "-o", program], check=True)
    done = subprocess.run(
        [program, tmp_path], env={}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "a row|0"
