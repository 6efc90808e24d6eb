"""What does not fit together in a run folder is found, and nothing else."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from shardline_tests import load

from shardline.pipeline.metadata.findings import (
    Finding,
    NoStoreError,
    find,
)
from shardline.pipeline.metadata.store import (
    BusyStoreError,
    open_store,
    sqlite_connection,
    turn,
)
from shardline.pipeline.run_folder import RunFolder

pytestmark = pytest.mark.orchestration
run_folders = load("pipeline/metadata/run_folders.py")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run folder that is whole, to be looked at only."""
    return run_folders.finished(tmp_path_factory.mktemp("template") / "run")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run folder that is whole."""
    return run_folders.finished(tmp_path / "run")


def findings(folder: RunFolder) -> list[Finding]:
    """Returns what is found."""
    return list(find(folder).findings)


def set_state(folder: RunFolder, number: int, state: int) -> None:
    """Rewrites how an execution ended."""
    store = open_store(sqlite_connection(folder.metadata))
    (execution,) = store.get_executions_by_id([number])
    execution.last_known_state = state
    store.put_executions([execution])


def test_nothing_is_found_in_a_run_folder_that_is_whole(template: RunFolder) -> None:
    kept = template.artifacts
    for folder in ("Maker/counts/1", "Maker/sets/17", "Reader/spans/20261130"):
        (kept / folder).mkdir(parents=True)

    report = find(template)

    assert report.findings == ()
    assert report.held_by is None


def test_folder_that_no_run_has_been_in_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoStoreError, match="no run has been in it"):
        find(RunFolder(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("state", ["RUNNING", "NEW"])
def test_execution_that_no_process_runs_is_found(folder: RunFolder, state: str) -> None:
    set_state(folder, 2, mlmd.Execution.State.Value(state))

    (found,) = findings(folder)

    assert (found.kind, found.what, found.mending) == ("dead", "Maker 2", "cancel")


def test_execution_of_the_run_that_holds_the_folder_is_not_found(
    folder: RunFolder,
) -> None:
    set_state(folder, 2, mlmd.Execution.RUNNING)

    with folder.held():
        report = find(folder)

    assert report.findings == ()
    assert "process" in report.held_by


def test_artifact_without_files_is_found(folder: RunFolder) -> None:
    output = folder.artifacts / "Maker/model/2"
    shutil.rmtree(output)

    gone, record = findings(folder)

    assert gone == Finding(
        "files gone", "Maker/model/2", f"{output} is gone", "mark deleted", 2
    )
    assert (record.what, record.mending) == ("Maker/.files/model-2.json", "remove")


@pytest.mark.parametrize(
    ("content", "why"), [(None, "is gone"), ("x", "has 1 bytes, and had 10")]
)
def test_artifact_with_other_files_is_found(
    folder: RunFolder, content: str | None, why: str
) -> None:
    file = folder.artifacts / "Maker/model/2/file"
    file.unlink()
    if content:
        file.write_text(content)

    (found,) = findings(folder)

    assert (found.kind, found.why) == ("files gone", f"{file} {why}")


def test_artifact_that_is_recorded_as_deleted_is_not_found(folder: RunFolder) -> None:
    shutil.rmtree(folder.artifacts / "Maker/model/2")
    (folder.artifacts / "Maker/.files/model-2.json").unlink()
    store = open_store(sqlite_connection(folder.metadata))
    (artifact,) = store.get_artifacts_by_id([2])
    artifact.state = mlmd.Artifact.DELETED
    store.put_artifacts([artifact])

    assert findings(folder) == []


def test_run_folder_that_was_moved_is_told(folder: RunFolder) -> None:
    moved = RunFolder(folder.root.rename(folder.root.with_name("moved")))

    found = findings(moved)

    assert {one.what for one in found} == {"Reader/model/1", "Maker/model/2"}
    assert all("the run folder was moved" in one.why for one in found)
    assert not any(one.mending for one in found)


@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_files_of_an_execution_that_came_to_no_end_are_found(
    folder: RunFolder, state: str
) -> None:
    store = open_store(sqlite_connection(folder.metadata))
    (second,) = store.get_executions_by_id([2])
    third = mlmd.Execution(
        type_id=second.type_id, last_known_state=mlmd.Execution.State.Value(state)
    )
    node = store.get_context_by_type_and_name("node", "test.Maker")
    number, *_ = store.put_execution(third, [], [node])
    (folder.artifacts / f"Maker/model/{number}").mkdir()

    (found,) = findings(folder)

    assert found.what == f"Maker/model/{number}"
    assert found.why == "left by an execution that came to no end"
    assert found.mending == "remove"


def test_files_that_a_published_version_names_are_not_removed(
    folder: RunFolder,
) -> None:
    set_state(folder, 2, mlmd.Execution.FAILED)
    store = open_store(sqlite_connection(folder.metadata))
    (artifact,) = store.get_artifacts_by_id([2])
    artifact.uri = "/elsewhere/Other/model/9"
    artifact.state = mlmd.Artifact.DELETED
    store.put_artifacts([artifact])
    assert [one.mending for one in findings(folder)] == ["remove"]
    publication = folder.serving / "17/assets.extra/publication.json"
    publication.parent.mkdir(parents=True)
    publication.write_text(f'{{"model": "{folder.artifacts}/Maker/model/2"}}')

    (found,) = findings(folder)

    assert found.mending == ""
    assert found.why.endswith("a run or a version names it, so it stays")


def test_files_of_no_execution_are_found(folder: RunFolder) -> None:
    component = folder.artifacts / "Maker"
    shutil.copytree(component / "model/2", component / "model/7")

    (found,) = findings(folder)

    why = "of no execution that the store knows"
    assert found == Finding("unknown files", "Maker/model/7", why)


def test_files_that_an_execution_has_no_output_for_are_found(folder: RunFolder) -> None:
    component = folder.artifacts / "Maker"
    shutil.copytree(component / "model/2", component / "other/2")

    (found,) = findings(folder)

    why = "of an execution that the store knows, with other outputs"
    assert found == Finding("unknown files", "Maker/other/2", why)


def test_types_that_are_there_twice_are_found(folder: RunFolder) -> None:
    with contextlib.closing(sqlite3.connect(folder.metadata)) as opened, opened:
        (number,) = opened.execute(
            "SELECT id FROM Type WHERE name = 'pipeline'"
        ).fetchone()
        opened.execute(
            "INSERT INTO Type (name, type_kind) SELECT name, type_kind FROM Type "
            "WHERE id = ?",
            (number,),
        )

    (found,) = findings(folder)

    assert (found.kind, found.what) == ("twice", "type pipeline")
    assert str(number) in found.why


@pytest.mark.parametrize("damage", ["text", "pages", "empty"])
def test_damaged_store_is_found(folder: RunFolder, damage: str) -> None:
    content = bytearray(folder.metadata.read_bytes())
    if damage == "text":
        content[:] = b"no database, whatever its name says" * 100
    elif damage == "pages":
        content[5000:60000] = b"x" * 55000
    else:
        content.clear()
    folder.metadata.write_bytes(content)

    (found,) = findings(folder)

    assert (found.kind, found.what, found.mending) == (
        "damaged",
        "metadata.sqlite",
        "",
    )


def test_store_that_another_program_writes_to_is_not_damaged(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardline.pipeline.metadata.findings._BUSY_S", 0.1)
    other = sqlite3.connect(folder.metadata, isolation_level=None)
    with contextlib.closing(other):
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(BusyStoreError, match=r"database is locked.* stop it; then"):
            find(folder)

    assert findings(folder) == []


def test_store_is_looked_at_in_turn(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardline.pipeline.metadata.store._MOST_WAIT_S", 0.1)
    folder.metadata.write_text("half of what the holder writes")

    with turn(str(folder.metadata)), pytest.raises(BusyStoreError, match="is held"):
        find(folder)


@pytest.mark.parametrize("beside", ["-journal", ".lock"])
def test_store_that_cannot_be_opened_is_not_damaged(
    folder: RunFolder, beside: str
) -> None:
    in_the_way = folder.metadata.with_name(f"metadata.sqlite{beside}")
    in_the_way.unlink(missing_ok=True)
    in_the_way.mkdir()

    with pytest.raises(
        OSError, match=r"cannot be looked at: .*\. See that it, its fol"
    ):
        find(folder)

    in_the_way.rmdir()
    assert findings(folder) == []
