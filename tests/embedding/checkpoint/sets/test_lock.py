"""Only one process writes into a folder of sets, and the lock dies with it."""

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from shardline.embedding.checkpoint.sets.lock import (
    FolderLock,
    SetLockedError,
    holder,
    is_locked,
)

_HOLD = """
import pathlib, sys, time
from shardline.embedding.checkpoint.sets.lock import FolderLock
lock = FolderLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_the_second_is_told_who_holds_it(tmp_path):
    lock = FolderLock(tmp_path)
    with pytest.raises(SetLockedError, match=rf"process {os.getpid()} on .* since \d"):
        FolderLock(tmp_path)
    assert is_locked(tmp_path)
    lock.release()
    lock.release()
    assert not is_locked(tmp_path)
    FolderLock(tmp_path).release()


def test_nobody_holds_what_was_never_locked(tmp_path):
    assert not is_locked(tmp_path)
    assert holder(tmp_path) == "another process"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_an_unreadable_file_locks_all_the_same(tmp_path, content):
    lock = FolderLock(tmp_path)
    (tmp_path / ".lock").write_text(content)
    with pytest.raises(SetLockedError, match="another process"):
        FolderLock(tmp_path)
    lock.release()


def test_a_killed_process_holds_nothing(tmp_path):
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(SetLockedError, match=f"process {process.pid} on"):
            FolderLock(tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
    FolderLock(tmp_path).release()


def test_who_asks_whether_it_is_locked_keeps_nobody_out(tmp_path, monkeypatch):
    FolderLock(tmp_path).release()
    asking = os.open(tmp_path / ".lock", os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    monkeypatch.setattr("time.sleep", lambda _: os.close(asking))

    FolderLock(tmp_path).release()


def test_a_child_of_the_process_does_not_keep_the_lock(tmp_path):
    lock = FolderLock(tmp_path)
    ends, told = os.pipe()
    child = os.fork()
    if child == 0:  # It has the file open, as a reader's process would.
        os.close(told)
        os.read(ends, 1)
        os._exit(0)
    try:
        lock.release()
        assert not is_locked(tmp_path)
    finally:
        os.close(told)
        os.close(ends)
        os.waitpid(child, 0)


def test_a_lock_that_cannot_say_whose_it_is_is_given_back(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fail)
        with pytest.raises(OSError, match="No space left"):
            FolderLock(tmp_path)
    assert not is_locked(tmp_path)
