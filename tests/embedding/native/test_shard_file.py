"""The file of a shard, over a system whose calls refuse, stop short and fail."""

import errno
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from shardline.embedding.native.build import SOURCES, compiler

HERE = Path(__file__).parent
WRAPPED = ["open", "pwrite", "fdatasync"]


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    if compiler() is None:
        pytest.skip("there is no C++ compiler")
    program = tmp_path_factory.mktemp("driver") / "driver"
    sources = [HERE / "shard_file_driver.cc"]
    sources += [SOURCES / name for name in ("shard_file.cc", "crash_point.cc")]
    wraps = [f"-Wl,--wrap={name}" for name in WRAPPED]
    flags = ["-std=c++17", "-O2", "-g", "-pthread", f"-I{SOURCES}"]
    subprocess.run(
        [compiler(), *flags, *wraps, *sources, "-o", program],
        check=True,
    )
    return program


def written(driver, path, size, *behaviour, point=""):
    """Returns what the driver says: what failed, errno, syncs of data."""
    done = subprocess.run(
        [driver, path, str(size), *behaviour],
        env={"SHARDLINE_CRASH_AT": point},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.returncode
    what, number, syncs = done.stdout.strip().split("|")
    return what, int(number), int(syncs)


def content(size):
    numbers = np.arange(size, dtype=np.uint64) * np.uint64(2654435761)
    return (numbers >> np.uint64(13)).astype(np.uint8).tobytes()


@pytest.mark.parametrize(
    "size", [0, 1, 4095, 4096, 4097, 4 << 20, 12_345_678, 64 << 20]
)
@pytest.mark.parametrize(
    "behaviour", [[], ["direct"], ["short"], ["direct", "short"]], ids=str
)
def test_file_holds_what_was_committed(driver, tmp_path, size, behaviour):
    path = tmp_path / "shard"
    what, number, syncs = written(driver, path, size, *behaviour)
    assert (what, number) == ("", 0)
    assert path.read_bytes() == content(size)
    # Through the page cache it never holds much that is not on the disk.
    assert syncs >= 1 or size < 64 << 20 or "direct" not in behaviour


@pytest.mark.parametrize("behaviour", [["full"], ["full", "direct"]], ids=str)
def test_full_disk_is_said_and_ends_the_write(driver, tmp_path, behaviour):
    path = tmp_path / "shard"
    what, number, _ = written(driver, path, 40 << 20, *behaviour)
    assert (what, number) == (f"write {path}", errno.ENOSPC)


@pytest.mark.parametrize(
    ("point", "size"),
    [
        ("shard_open", None),
        ("shard_opened", 0),
        ("shard_write", 0),
        ("shard_write:2", -1),
        ("shard_written:2", -1),
        ("shard_fsync", 20_000_001),
        ("shard_fsynced:1", 20_000_001),
    ],
)
def test_process_is_killed_where_it_is_told(driver, tmp_path, point, size):
    path = tmp_path / "shard"
    assert written(driver, path, 20_000_001, point=point) == -signal.SIGKILL
    found = path.stat().st_size if path.exists() else None
    if size == -1:
        assert 0 < found < 20_000_001
        assert path.read_bytes() == content(found)
    else:
        assert found == size


@pytest.mark.parametrize("point", ["shard_fsync:2", "shard", "another"])
def test_other_points_and_passes_do_not_kill(driver, tmp_path, point):
    path = tmp_path / "shard"
    assert written(driver, path, 5_000, point=point)[:2] == ("", 0)
