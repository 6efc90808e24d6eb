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
from shardline.pipeline.metadata.store import open_store, sqlite_connection
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


@pytest.mark.parametrize(
    ("name", "has_record", "mending"),
    [("model", True, "adopt"), ("model", False, ""), ("other", True, "")],
)
def test_files_of_no_execution_are_found(
    folder: RunFolder, name: str, has_record: bool, mending: str
) -> None:
    component = folder.artifacts / "Maker"
    shutil.copytree(component / "model/2", component / name / "7")
    if has_record:
        record = component / ".files/model-2.json"
        shutil.copy(record, record.with_name(f"{name}-7.json"))

    (found,) = findings(folder)

    assert (found.kind, found.what) == ("unknown files", f"Maker/{name}/7")
    assert found.mending == mending


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
