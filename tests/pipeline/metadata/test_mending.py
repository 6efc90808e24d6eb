"""What does not fit together is mended, and the next run finds what it needs."""

import shutil
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from shardline_tests import load

from shardline.pipeline.metadata.findings import find
from shardline.pipeline.metadata.mending import mend
from shardline.pipeline.metadata.store import open_store, sqlite_connection
from shardline.pipeline.run_folder import RunFolder

pytestmark = pytest.mark.orchestration
run_folders = load("pipeline/metadata/run_folders.py")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run folder that is whole."""
    return run_folders.finished(tmp_path / "run")


def mended(folder: RunFolder) -> list[tuple[str, str]]:
    """Mends; returns what was done to what. Nothing is left."""
    done, left = mend(folder)
    assert left.findings == ()
    assert find(folder).findings == ()
    return [(one.mending, one.what) for one in done]


def test_whole_run_folder_stays_as_it_is(folder: RunFolder) -> None:
    before = sorted(folder.root.rglob("*"))

    assert mended(folder) == []

    assert sorted(folder.root.rglob("*")) == before
    assert run_folders.run(folder) == {"Reader": "reused", "Maker": "reused"}


def test_dead_execution_is_canceled_and_what_it_left_removed(
    folder: RunFolder,
) -> None:
    store = open_store(sqlite_connection(folder.metadata))
    (second,) = store.get_executions_by_id([2])
    node = store.get_context_by_type_and_name("node", "test.Maker")
    dead = mlmd.Execution(
        type_id=second.type_id, last_known_state=mlmd.Execution.RUNNING
    )
    number, *_ = store.put_execution(dead, [], [node])
    output = folder.artifacts / f"Maker/model/{number}"
    output.mkdir()
    (output / "half").touch()

    done = mended(folder)

    place = f"Maker/model/{number}"
    assert done == [("cancel", f"Maker {number}"), ("remove", place)]
    assert not output.exists()
    (execution,) = store.get_executions_by_id([number])
    assert execution.last_known_state == mlmd.Execution.CANCELED
    assert run_folders.run(folder) == {"Reader": "reused", "Maker": "reused"}


@pytest.mark.parametrize("is_whole_folder", [True, False])
def test_output_that_is_gone_is_made_again_by_the_next_run(
    folder: RunFolder, is_whole_folder: bool
) -> None:
    output = folder.artifacts / "Maker/model/2"
    shutil.rmtree(output) if is_whole_folder else (output / "file").unlink()

    assert ("mark deleted", "Maker/model/2") in mended(folder)

    assert run_folders.run(folder) == {"Reader": "reused", "Maker": "done"}
    assert find(folder).findings == ()


def test_output_that_the_store_has_lost_is_left_to_a_person(folder: RunFolder) -> None:
    older = folder.root.with_name("older.sqlite")
    shutil.copy(folder.metadata, older)
    run_folders.run(folder, day=2)
    shutil.copy(older, folder.metadata)

    done, left = mend(folder)

    assert done == []
    lost = {"Reader/model/3", "Maker/model/4"}
    assert {one.what for one in left.findings} == lost
    assert all((folder.artifacts / place / "file").exists() for place in lost)
    assert run_folders.run(folder) == {"Reader": "reused", "Maker": "reused"}
