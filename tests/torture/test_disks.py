"""Disks that are full or read-only, two savers at once, and a clock that goes back."""

import datetime
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from shardline_tests import load

from shardline.embedding.checkpoint.sets import writer
from shardline.embedding.checkpoint.sets.folder import SetFolder, SetLockedError
from shardline.embedding.checkpoint.sets.retention import Keep
from shardline.embedding.checkpoint.sets.saved import SaveError
from shardline.embedding.checkpoint.sets.saver import SetSaver
from shardline.embedding.native.library import CHOICE, missing_reason

scale = load("torture/scale.py")
set_checks = load("torture/set_checks.py")
small_disks = load("torture/small_disks.py")
small_training = load("torture/small_training.py")

# A set of these tables takes 3 MB, of a disk of 16.
SCALE = 80
ERROR_WITHIN_S = 120

pytestmark = pytest.mark.slow


class Course:
    """A training with a saver, whose digests are known at each step."""

    def __init__(self, folder: Path, **options: Any):
        self.training = small_training.SmallTraining(SCALE)
        self.folder = SetFolder(folder)
        self.digests: dict[int, str] = {}
        self.saver = SetSaver(
            folder,
            self.training.engine,
            lineage=self.training.lineage,
            keep=Keep(last=2),
            **options,
        )

    def begin_save(self) -> None:
        self.training.train(3)
        self.digests[self.training.step] = self.training.digest()
        arguments = self.training.step, self.training.variables, self.training.state
        assert self.saver.save(*arguments)

    def save(self) -> None:
        self.begin_save()
        self.saver.wait()

    def error_of_save(self) -> str:
        """The error of a save that fails, as a loop of training meets it."""
        with pytest.raises(SaveError) as error:
            self._save_and_check()
        return str(error.value)

    def _save_and_check(self) -> None:
        self.begin_save()
        ends_s = time.monotonic() + ERROR_WITHIN_S
        while time.monotonic() < ends_s:
            self.saver.check()
            time.sleep(0.001)

    def check(self, newest: int) -> None:
        """Checks all sets with another training, and which is the newest."""
        other = small_training.SmallTraining(SCALE)
        checked = set_checks.check_sets(self.folder, other, self.digests)
        assert checked.faults == []
        assert max(checked.steps) == newest


@pytest.fixture
def courses() -> Iterator[Any]:
    """Makes courses, and closes their savers before their disk goes."""
    made: list[Course] = []

    def make(folder: Path, **options: Any) -> Course:
        made.append(Course(folder, **options))
        return made[-1]

    yield make
    for course in made:
        course.saver.close()


@pytest.fixture(params=small_disks.KINDS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    with small_disks.mounted(request.param, tmp_path) as mounted:
        yield mounted


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[Any]:
    with small_disks.mounted("ext4", tmp_path) as mounted:
        yield mounted


@pytest.fixture(params=["native", "stock"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "native" and missing_reason():
        pytest.skip(missing_reason())
    monkeypatch.setenv(CHOICE, request.param)
    return request.param


def test_disk_that_fills_up_at_any_tenth_of_a_save_costs_that_set_only(
    disk: Any, kernels: str, courses: Any
) -> None:
    course = courses(disk.path / "sets", differential=False)
    course.save()
    before = disk.free_bytes
    course.save()
    set_bytes = before - disk.free_bytes
    failed = 0
    for tenth in range(10):
        newest = course.training.step
        disk.fill(set_bytes * tenth // 10)
        assert "No space left on device" in course.error_of_save()
        course.check(newest)
        disk.empty()
        course.save()
        course.check(course.training.step)
        failed += 1

    scale.tell(f"{disk.kind}, {kernels} kernels", {"full disks": failed})


def test_rows_of_a_set_that_found_no_space_are_in_the_next_one(
    disk: Any, courses: Any
) -> None:
    course = courses(disk.path / "sets")
    course.save()
    course.save()
    disk.fill(0)
    course.error_of_save()
    disk.empty()
    course.save()

    course.check(course.training.step)
    assert course.saver.newest.manifest.kind == (
        "full" if missing_reason() else "differential"
    )


def test_disk_that_becomes_read_only_leaves_the_last_set(
    ext4: Any, courses: Any
) -> None:
    course = courses(ext4.path / "sets")
    course.save()
    newest = course.training.step
    ext4.break_down()

    assert "Read-only file system" in course.error_of_save()
    course.check(newest)


def test_damaged_set_on_a_read_only_disk_gives_way_to_the_one_before(
    disk: Any, courses: Any
) -> None:
    course = courses(disk.path / "sets")
    course.save()
    good = course.training.step
    course.save()
    course.saver.close()
    (course.saver.newest.path / "tables.index").write_bytes(b"")
    disk.remount("ro")

    restored, told = set_checks.restore(course.folder, course.training, course.digests)
    disk.remount("rw")

    assert restored.step == good
    assert len(told) == 1


def test_saver_on_a_read_only_disk_says_so(disk: Any, courses: Any) -> None:
    course = courses(disk.path / "sets")
    course.save()
    course.saver.close()
    disk.remount("ro")

    with pytest.raises(OSError, match="Read-only file system"):
        courses(disk.path / "sets", parent=course.saver.newest)
    disk.remount("rw")


HOLDS = """
import sys, time
from shardline.embedding.checkpoint.sets.folder import SetFolder
folder = SetFolder(sys.argv[1])
folder.make()
lock = folder.lock()
print("held", flush=True)
time.sleep(600)
"""


def test_second_saver_is_told_who_holds_the_folder(
    tmp_path: Path, courses: Any
) -> None:
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "held\n"
        today = datetime.date.today().isoformat()[:8]
        held = rf"process {first.pid} on .* since {today}"
        with pytest.raises(SetLockedError, match=held):
            courses(tmp_path)
        first.send_signal(signal.SIGKILL)
    # The lock died with its holder.
    courses(tmp_path).save()


def test_second_saver_in_the_same_process_is_refused(
    tmp_path: Path, courses: Any
) -> None:
    course = courses(tmp_path)
    course.save()

    with pytest.raises(SetLockedError, match=f"process {os.getpid()} "):
        courses(tmp_path)
    course.save()
    course.check(course.training.step)


def test_clock_that_is_set_back_changes_no_order(
    tmp_path: Path, courses: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Backwards(datetime.datetime):
        """A clock that goes back a year for each save."""

        year_now = 2026

        @classmethod
        def now(cls, zone: Any = None) -> datetime.datetime:
            cls.year_now -= 1
            return datetime.datetime(cls.year_now, 1, 1, tzinfo=datetime.UTC)

    clock = SimpleNamespace(datetime=Backwards, UTC=datetime.UTC)
    monkeypatch.setattr(writer, "datetime", clock)
    course = courses(tmp_path)
    for number in range(12):
        course.save()
        for path in [course.saver.newest.path, *course.saver.newest.path.iterdir()]:
            os.utime(path, (10**9 - number * 10**7,) * 2)

    course.check(course.training.step)
    steps = [one.step for one in course.folder.sets()]
    started = [one.manifest.saving.started for one in course.folder.sets()]
    assert steps == sorted(steps)
    assert started == sorted(started, reverse=True)
    assert started[0] != started[-1]
