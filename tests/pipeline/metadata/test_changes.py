"""What is changed of records, and that kills leave them whole."""

import contextlib
import datetime
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd

from shardline.pipeline.metadata.changes import (
    cancel_running,
    place_of,
    rewrite_records,
)
from shardline.pipeline.metadata.records import (
    executions_of,
    numbers_without_outputs,
)
from shardline.pipeline.metadata.store import (
    open_store,
    sqlite_connection,
    tfx_metadata,
)


def set_states(runner: Any, *states: int) -> None:
    """Rewrites how the executions have ended, in their order."""
    with tfx_metadata(sqlite_connection(runner.metadata)) as handle:
        executions = sorted(handle.store.get_executions(), key=lambda one: one.id)
        for execution, state in zip(executions, states, strict=True):
            execution.last_known_state = state
        handle.store.put_executions(executions)


def test_what_is_recorded_as_running_is_canceled_and_told(runner: Any) -> None:
    connection = sqlite_connection(runner.metadata)
    states = mlmd.Execution
    set_states(runner, states.COMPLETE, states.RUNNING, states.NEW, states.FAILED)
    first, *later = executions_of(connection, "test", "Maker")

    dead = cancel_running(connection)

    assert [(one.component, one.number) for one in dead] == [
        ("Maker", later[0].number),
        ("Maker", later[1].number),
    ]
    now = datetime.datetime.now(datetime.UTC)
    assert all(0 <= (now - one.since).total_seconds() < 600 for one in dead)
    executions = executions_of(connection, "test", "Maker")
    assert [one.state for one in executions] == [
        "done",
        "interrupted",
        "interrupted",
        "failed",
    ]
    assert executions[0].outputs["examples"].uri == first.outputs["examples"].uri
    assert cancel_running(connection) == []


def test_execution_of_another_pipeline_is_canceled_too(runner: Any) -> None:
    connection = sqlite_connection(runner.metadata)
    with tfx_metadata(connection) as handle:
        kind = handle.store.put_execution_type(mlmd.ExecutionType(name="Alone"))
        running = mlmd.Execution(type_id=kind, last_known_state=mlmd.Execution.RUNNING)
        (number,) = handle.store.put_executions([running])

    (dead,) = cancel_running(connection)

    assert (dead.component, dead.number) == ("Alone", number)


def test_time_of_a_clock_that_was_ahead_is_told_as_it_was_recorded(
    runner: Any,
) -> None:
    connection = sqlite_connection(runner.metadata)
    running = mlmd.Execution.RUNNING
    set_states(runner, running, running, running, running)
    ahead = datetime.datetime(2126, 1, 1, tzinfo=datetime.UTC)
    with contextlib.closing(sqlite3.connect(runner.metadata)) as store, store:
        milliseconds = int(ahead.timestamp() * 1000)
        store.execute(
            "UPDATE Execution SET create_time_since_epoch = ?, "
            "last_update_time_since_epoch = ?",
            (milliseconds, milliseconds),
        )

    assert [one.since for one in cancel_running(connection)] == [ahead] * 4
    executions = executions_of(connection, "test", "Maker")
    assert {one.state for one in executions} == {"interrupted"}


SPILLING = """
import os, signal, sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("PRAGMA cache_size = 1")
store.execute("BEGIN IMMEDIATE")
store.execute("UPDATE Execution SET last_known_state = 2")
store.execute("DELETE FROM Event")
name = "x" * 500
for n in range(2000):
    store.execute("INSERT INTO Context (type_id, name) VALUES (1, ?)", [name + str(n)])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_transaction_that_a_kill_cuts_short_has_never_been(runner: Any) -> None:
    connection = sqlite_connection(runner.metadata)
    before = executions_of(connection, "test", "Maker")
    content = Path(runner.metadata).read_bytes()

    subprocess.run([sys.executable, "-c", SPILLING, runner.metadata])

    # The half of the transaction is in the file, and what takes it back beside it.
    assert Path(runner.metadata).read_bytes() != content
    assert Path(f"{runner.metadata}-journal").stat().st_size > 0
    assert cancel_running(connection) == []
    after = executions_of(connection, "test", "Maker")
    assert [(one.number, one.state) for one in after] == [
        (one.number, one.state) for one in before
    ]
    assert after[0].outputs["examples"].uri == before[0].outputs["examples"].uri
    with contextlib.closing(sqlite3.connect(runner.metadata)) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_records_say_what_is_gone_and_others_are_not_touched(runner: Any) -> None:
    connection = sqlite_connection(runner.metadata)
    made, *_ = executions_of(connection, "test", "Maker")
    store = open_store(connection)
    before = {one.id: one for one in store.get_artifacts()}

    rewritten = rewrite_records(
        connection,
        text=lambda text: text.replace("interrupted", "[erased]"),
        removed={place_of(made.outputs["examples"].uri)},
    )

    after = {one.id: one for one in store.get_artifacts()}
    gone = made.outputs["examples"].number
    assert after.pop(gone).state == mlmd.Artifact.DELETED
    before.pop(gone)
    assert after == before
    moods = [
        one.parameters["mood"] for one in executions_of(connection, "test", "Maker")
    ]
    assert moods == ["well", "well", "failing", "[erased]"]
    assert rewritten == 1


def test_place_of_an_output_does_not_tell_where_its_folder_is() -> None:
    assert place_of("/runs/a/artifacts/Trainer/checkpoint/7") == "Trainer/checkpoint/7"
    assert place_of("gs://b/Trainer/checkpoint/7/") == "Trainer/checkpoint/7"


WRITING = """
import sys
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

connection = mlmd.ConnectionConfig()
connection.sqlite.filename_uri = sys.argv[1]
connection.sqlite.connection_mode = 3  # make it if need be
print("loaded", flush=True)
store = MetadataStore(connection)
execution = store.put_execution_type(mlmd.ExecutionType(name="Maker"))
artifact = store.put_artifact_type(mlmd.ArtifactType(name="Made"))
node = store.put_context_type(mlmd.ContextType(name="node"))
while True:
    store.put_execution(
        mlmd.Execution(type_id=execution, last_known_state=mlmd.Execution.RUNNING),
        [(mlmd.Artifact(type_id=artifact, uri="x"), None)],
        [mlmd.Context(type_id=node, name="test.Maker")],
        reuse_context_if_already_exist=True,
    )
"""


def test_store_is_whole_after_kills_at_any_moment(tmp_path: Path) -> None:
    store, delays = tmp_path / "metadata.sqlite", random.Random(1)
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", WRITING, str(store)],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout.readline() == "loaded\n"
            time.sleep(delays.uniform(0, 0.1))
            process.kill()

        dead = cancel_running(sqlite_connection(store))

        # Each execution is written with its node, in one transaction.
        assert {one.component for one in dead} <= {"Maker"}
        with contextlib.closing(sqlite3.connect(store)) as opened:
            assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    numbers = numbers_without_outputs(sqlite_connection(store), "test", "Maker")
    assert numbers == sorted(set(numbers))
    assert len(numbers) > 1
