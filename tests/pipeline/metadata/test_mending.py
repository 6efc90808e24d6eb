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


def lose_record(folder: RunFolder, day: int) -> Path:
    """Makes an output that the store has lost, as if brought back from a copy."""
    run_folders.run(folder, day=day)
    whole = folder.root.with_name("copy")
    shutil.copytree(folder.artifacts / "Maker/model/4", whole / "9")
    record = folder.artifacts / "Maker/.files/model-4.json"
    shutil.copy(record, record.with_name("model-9.json"))
    return Path(shutil.copytree(whole / "9", folder.artifacts / "Maker/model/9"))


def test_output_that_the_store_has_lost_is_recorded_again(folder: RunFolder) -> None:
    output = lose_record(folder, day=2)

    assert mended(folder) == [("adopt", "Maker/model/9")]

    store = open_store(sqlite_connection(folder.metadata))
    (adopted,) = store.get_artifacts_by_uri(str(output))
    assert adopted.type == "Model"
    assert adopted.state == mlmd.Artifact.LIVE
    assert (output / "file").read_text() == "day 2day 2"


def test_output_of_other_content_is_left_to_a_person(folder: RunFolder) -> None:
    output = lose_record(folder, day=2)
    (output / "file").write_text("day 3day 3")

    done, left = mend(folder)

    assert done == []
    assert [one.what for one in left.findings] == ["Maker/model/9"]
    assert output.exists()
