"""A lock has one holder, who is named; only the kernel says who holds it."""

import contextlib
import datetime
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shardline.components.folders.lock import (
    FolderHeldError,
    Holder,
    LockError,
    holder_of,
    inherited_lock,
    locked,
)

HOLDING = """
import os, sys, time
from pathlib import Path
from shardline.components.folders.lock import locked
with locked(Path(sys.argv[1])) as lock:
    if len(sys.argv) > 2:
        import subprocess
        child = subprocess.Popen(["sleep", "60"], pass_fds=[lock.descriptor])
        print(child.pid, flush=True)
    else:
        print("held", flush=True)
    time.sleep(60)
"""
NOW = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC)


@contextlib.contextmanager
def holding(path: Path, *more: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """Another process that holds the lock, and what it printed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(path), *more],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def check_free(path: Path) -> None:
    with locked(path):
        pass


def check_held(path: Path, by: str) -> None:
    with pytest.raises(FolderHeldError, match=by), locked(path):
        pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a lock, which is not there yet."""
    return tmp_path / ".lock"


def test_second_process_is_told_who_holds_the_lock_since_when(path: Path) -> None:
    with holding(path) as (process, _):
        told = rf"^process {process.pid} since 20\d\d-.* UTC \(for \d+ s\), which runs "
        check_held(path, told)


def test_file_names_process_machine_time_and_command(path: Path) -> None:
    with locked(path):
        content = json.loads(path.read_text())

    assert content["pid"] == os.getpid()
    assert content["host"] == platform.node()
    since = datetime.datetime.fromisoformat(content["since"])
    assert abs(datetime.datetime.now(datetime.UTC) - since).total_seconds() < 60
    assert shlex.split(content["command"]) == [Path(sys.argv[0]).name, *sys.argv[1:]]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_lock_dies_with_its_holder(path: Path, number: int) -> None:
    with holding(path) as (process, _):
        process.send_signal(number)
        process.wait()

        check_free(path)


def test_process_that_got_the_lock_keeps_it(path: Path) -> None:
    with holding(path, "with a child") as (process, child):
        process.kill()
        process.wait()

        check_held(path, f"^process {process.pid} ")
        os.kill(int(child), signal.SIGKILL)
        process.stdout.read()  # the child has it too, until it has ended
    check_free(path)


def test_free_lock_is_free_whatever_its_file_says(path: Path) -> None:
    alive = Holder(os.getpid(), "elsewhere", NOW, "shardline run")
    for content in (alive.to_json().encode(), b"", b"\xff\x00{", b"[]", b"{}", b"7"):
        path.write_bytes(content)

        check_free(path)
        assert path.read_bytes() == b""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"{",
        b"[]",
        b"null",
        b'{"pid": "x", "host": "a", "since": "2026-11-30", "command": ""}',
        b'{"pid": 1, "host": "a", "since": "yesterday", "command": ""}',
        b"[" * 100_000,
    ],
)
def test_holder_that_its_file_does_not_name_is_held_all_the_same(
    path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardline.components.folders.lock._BETWEEN_READS_S", 0)
    with locked(path) as lock:
        os.ftruncate(lock.descriptor, 0)
        os.pwrite(lock.descriptor, content, 0)

        check_held(path, "^a process that its lock file does not name$")


@pytest.mark.parametrize(
    ("passed_s", "told"),
    [
        (0, "for 0 s"),
        (59, "for 59 s"),
        (60, "for 1 min"),
        (3 * 3600 + 12 * 60, "for 3 h 12 min"),
        (50 * 3600, "for 2 d 2 h"),
        (-1, "by a clock that is ahead of this machine's"),
        (-86400, "by a clock that is ahead of this machine's"),
    ],
)
def test_time_that_passed_is_told_also_if_a_clock_was_set_back(
    passed_s: int, told: str
) -> None:
    holder = Holder(7, platform.node(), NOW, "shardline run a.yaml")

    said = holder.said(NOW + datetime.timedelta(seconds=passed_s))

    assert said == (
        f"process 7 since 2026-11-30 12:00:00 UTC ({told}), which runs "
        "`shardline run a.yaml`"
    )


def test_holder_on_another_machine_is_told_with_its_name() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    holder = Holder(7, "elsewhere", NOW.astimezone(zone), "shardline run")

    assert holder.said(NOW).startswith(
        "process 7 on machine elsewhere since 2026-11-30 12:00:00 UTC (for 0 s)"
    )


def test_one_that_waits_says_so_once_and_gets_the_lock(path: Path) -> None:
    said: list[str] = []
    with holding(path) as (process, _):
        threading.Timer(0.5, process.kill).start()

        with locked(path, said.append):
            assert process.wait() == -signal.SIGKILL

    (who,) = said
    assert who.startswith(f"process {process.pid} ")


def test_lock_whose_file_is_removed_by_its_holder_has_one_holder(path: Path) -> None:
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(locked(path))

        def end(_: str) -> None:
            lock.remove_file()
            threading.Timer(0.2, stack.close).start()

        with locked(path, end):
            check_held(path, "^process ")


@pytest.mark.parametrize("kind", ["folder", "absent"])
def test_file_that_cannot_be_made_is_an_error_with_a_remedy(
    path: Path, kind: str
) -> None:
    if kind == "folder":
        path.mkdir()
    else:
        path = path / "x" / "y"

    with (
        pytest.raises(LockError, match=r"cannot be locked: .*\. Choose a folder"),
        locked(path),
    ):
        pass


def test_file_system_without_locks_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)

    with (
        pytest.raises(LockError, match="cannot be locked: Operation not supported"),
        locked(path),
    ):
        pass


def test_inherited_lock_is_the_lock_and_goes_to_no_further_process(path: Path) -> None:
    with locked(path) as lock:
        copy = os.dup(lock.descriptor)
        os.set_inheritable(copy, True)

        inherited = inherited_lock(copy, path)

        assert not os.get_inheritable(copy)
        inherited.tell()
    check_held(path, "^")  # by the copy
    os.close(copy)
    check_free(path)


def test_descriptor_of_another_file_is_not_the_lock(path: Path, tmp_path: Path) -> None:
    path.touch()
    with (
        open(tmp_path / "other", "w") as other,
        pytest.raises(LockError, match="is not the lock"),
    ):
        inherited_lock(other.fileno(), path)


def test_descriptor_that_does_not_hold_the_lock_is_refused(path: Path) -> None:
    with (
        locked(path),
        path.open("r+") as other,
        pytest.raises(LockError, match="is not the lock"),
    ):
        inherited_lock(other.fileno(), path)


def test_holder_is_told_without_taking_the_lock(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    assert holder_of(path) is None
    assert not path.exists()

    with holding(path) as (process, _):
        assert (holder_of(path) or "").startswith(f"process {process.pid} since ")
    content = path.read_bytes()

    assert holder_of(path) is None
    assert path.read_bytes() == content  # that of the killed holder
    check_free(path)
