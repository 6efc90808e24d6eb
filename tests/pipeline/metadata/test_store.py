"""Processes that use one metadata store take turns, and none is turned away."""

import contextlib
import fcntl
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ml_metadata import errors
from ml_metadata.proto import metadata_store_pb2 as mlmd

from shardline.pipeline.metadata import store
from shardline.pipeline.metadata.store import (
    BusyStoreError,
    open_store,
    sqlite_connection,
    tfx_metadata,
    turn,
)

_HERE = Path(__file__).parent


def test_tfx_reads_the_same_store(runner: Any) -> None:
    with tfx_metadata(sqlite_connection(runner.metadata)) as handle:
        assert len(handle.store.get_executions()) == 4


@contextlib.contextmanager
def held(file: Path) -> Iterator[None]:
    """Holds the lock of a metadata store as another process would."""
    with open(f"{file}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def put_type(file: Path) -> int:
    """Makes a call that writes."""
    kind = mlmd.ArtifactType(name="Made")
    number: int = open_store(sqlite_connection(file)).put_artifact_type(kind)
    return number


@pytest.mark.orchestration
def test_call_waits_for_its_turn(tmp_path: Path) -> None:
    file, done = tmp_path / "metadata.sqlite", []
    put_type(file)
    call = threading.Thread(target=lambda: done.append(put_type(file)))

    with held(file):
        call.start()
        time.sleep(0.5)
        assert done == []
    call.join(60)

    assert len(done) == 1


WRITING = """
import sqlite3, sys, time
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("writing", flush=True)
time.sleep(1)
"""


@pytest.mark.orchestration
def test_call_is_made_again_while_another_program_writes(tmp_path: Path) -> None:
    file = tmp_path / "metadata.sqlite"
    opened = open_store(sqlite_connection(file))
    with subprocess.Popen(
        [sys.executable, "-c", WRITING, file], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "writing\n"

        opened.put_artifact_type(mlmd.ArtifactType(name="Made"))

    assert opened.get_artifact_type("Made").name == "Made"


@pytest.mark.orchestration
def test_store_that_is_never_let_go_of_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "metadata.sqlite"
    opened = open_store(sqlite_connection(file))
    monkeypatch.setattr(store, "_MOST_WAIT_S", 0.2)

    with held(file), pytest.raises(BusyStoreError, match=r"stop it; then run th"):
        opened.put_artifact_type(mlmd.ArtifactType(name="Made"))
    with held(file), pytest.raises(BusyStoreError, match="by another process fo"):
        open_store(sqlite_connection(file))


@pytest.mark.orchestration
def test_lock_file_that_is_removed_is_made_again(tmp_path: Path) -> None:
    file = tmp_path / "metadata.sqlite"
    opened = open_store(sqlite_connection(file))
    os.unlink(f"{file}.lock")

    opened.put_artifact_type(mlmd.ArtifactType(name="Made"))

    assert opened.get_artifact_type("Made").name == "Made"


@pytest.mark.orchestration
def test_lock_whose_file_was_replaced_is_not_had_by_the_old_file(
    tmp_path: Path,
) -> None:
    file, done = tmp_path / "metadata.sqlite", []

    def take() -> None:
        with turn(str(file)):
            done.append("taken")

    call = threading.Thread(target=take)
    with held(tmp_path / "new"):
        with held(file):
            call.start()
            time.sleep(0.5)
            os.rename(tmp_path / "new.lock", f"{file}.lock")
        time.sleep(0.5)
        assert done == []
    call.join(60)

    assert len(done) == 1


@pytest.mark.orchestration
def test_other_errors_are_not_waited_for(tmp_path: Path) -> None:
    opened = open_store(sqlite_connection(tmp_path / "metadata.sqlite"))

    with pytest.raises(errors.NotFoundError):
        opened.get_artifact_type("Other")
    with pytest.raises(RuntimeError, match="unable to open database file"):
        open_store(sqlite_connection(tmp_path))


def counted(file: Path, query: str) -> list[Any]:
    """Returns what SQLite finds in a metadata store."""
    with contextlib.closing(sqlite3.connect(file)) as opened:
        return opened.execute(query).fetchall()


@pytest.mark.orchestration
@pytest.mark.parametrize(
    ("processes", "starts"),
    [(4, 6), pytest.param(8, 50, marks=pytest.mark.slow)],
)
def test_starts_of_many_processes_lose_nothing(
    tmp_path: Path, processes: int, starts: int
) -> None:
    ended = subprocess.run(
        [sys.executable, _HERE / "starts.py", tmp_path, str(processes), str(starts)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["ended"], told["failures"]) == (processes * starts, {})
    file = tmp_path / "metadata.sqlite"
    executions = counted(
        file, "SELECT last_known_state, count(*) FROM Execution GROUP BY 1"
    )
    assert executions == [(mlmd.Execution.COMPLETE, 2 * processes * starts)]
    assert counted(file, "SELECT count(*) FROM Artifact") == [(2 * processes * starts,)]
    events = counted(file, "SELECT count(*) FROM Event")
    assert events == [(3 * processes * starts,)]
    twice = "SELECT name FROM Type GROUP BY name, type_kind HAVING count(*) > 1"
    assert counted(file, twice) == []
    runs = "SELECT count(*), count(DISTINCT name) FROM Context WHERE name LIKE 'run-%'"
    assert counted(file, runs) == [(processes * starts,) * 2]
