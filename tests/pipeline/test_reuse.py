"""What an earlier run made is reused if it is whole, and made again if it is not."""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from shardline_tests import load
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model

from shardline.components.contracts.file_record import record_files, record_from_json
from shardline.pipeline.reuse import damage, record_rewritten

Runner = load("pipeline/runners/test_local_dag.py").Runner


@component
def Writer(model: OutputArtifact[Model]) -> None:
    """Writes two files, one of them in a folder."""
    folder = Path(model.uri, "assets")
    folder.mkdir(parents=True)
    (folder / "item").write_text("a\nb\n")
    Path(model.uri, "empty").touch()


@component(use_beam=True)
def BeamWriter(
    model: InputArtifact[Model],
    examples: OutputArtifact[Examples],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Writes a file in Beam."""
    with beam_pipeline as root:
        name = type(root.runner).__name__
        _ = root | beam.Create([name]) | beam.io.WriteToText(f"{examples.uri}/part")


@component
def Stopper(model: OutputArtifact[Model]) -> None:
    """Begins to write, and is told to stop."""
    Path(model.uri, "half").write_text("x")
    signal.raise_signal(signal.SIGINT)


def nodes() -> tuple[Any, Any]:
    writer = Writer()
    return writer, BeamWriter(model=writer.outputs["model"])


@pytest.fixture
def runner(tmp_path: Path) -> Any:
    """A runner whose two components have come to their end."""
    made = Runner(tmp_path)
    made.run(*nodes())
    made.told.clear()
    return made


def states(runner: Any) -> dict[str, str]:
    """Runs again; how each component came to its end."""
    runner.told.clear()
    runner.run(*nodes())
    return {told[0]: told[1] for told in runner.told if len(told) == 2}


def item(runner: Any) -> Path:
    (found,) = Path(runner.folder).glob("root/Writer/model/*/assets/item")
    return found


def change(file: Path) -> None:
    """Changes one byte, and no size or time."""
    before = file.stat()
    file.write_bytes(b"z" + file.read_bytes()[1:])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda file: file.unlink(), "item is gone"),
        (lambda file: file.write_bytes(b""), "item has 0 bytes, and had 4"),
        (lambda file: file.write_bytes(b"a"), "item has 1 bytes, and had 4"),
        (change, "item has other content than it had"),
        (lambda file: file.with_name("new").touch(), "new was not there"),
    ],
)
def test_what_is_damaged_is_made_again_and_told(
    damage: Callable[[Path], Any],
    told: str,
    runner: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert states(runner) == {"Writer": "reused", "BeamWriter": "reused"}
    damage(item(runner))

    with caplog.at_level("WARNING", "shardline"):
        assert states(runner) == {"Writer": "done", "BeamWriter": "done"}

    (line,) = [r.getMessage() for r in caplog.records if r.name == "shardline.reuse"]
    assert line.startswith(f"made again, for {runner.folder}")
    assert line.endswith(told)
    assert states(runner) == {"Writer": "reused", "BeamWriter": "reused"}


@pytest.mark.parametrize("is_resumed", [False, True])
def test_rewritten_output_is_reused_and_a_damaged_one_is_not(
    runner: Any, tmp_path: Path, is_resumed: bool
) -> None:
    uri = item(runner).parents[1]
    copy = shutil.copytree(uri, tmp_path / "copy")
    (copy / "assets" / "item").write_text("b\n")
    record_rewritten(str(uri), str(copy), is_resumed=False)
    assert damage([str(uri)])  # the copy has not taken its place

    record_rewritten(str(uri), str(uri), is_resumed=is_resumed)

    if is_resumed:
        assert damage([str(uri)]) == ""
        assert states(runner) == {"Writer": "reused", "BeamWriter": "reused"}
    else:
        assert damage([str(uri)])
    shutil.rmtree(copy)


def test_damage_of_a_later_component_leaves_earlier_ones(runner: Any) -> None:
    (part,) = Path(runner.folder).glob("root/BeamWriter/examples/*/part*")
    part.unlink()

    assert states(runner) == {"Writer": "reused", "BeamWriter": "done"}


@pytest.mark.parametrize("content", [None, "", "[]", '{"version": 2, "files": {}}'])
def test_record_that_is_gone_or_none_is_no_proof(
    content: str | None, runner: Any
) -> None:
    (record,) = Path(runner.folder).glob("root/Writer/.files/*.json")
    record.unlink() if content is None else record.write_text(content)

    assert states(runner) == {"Writer": "done", "BeamWriter": "done"}


def test_beam_runs_in_memory(runner: Any) -> None:
    (part,) = Path(runner.folder).glob("root/BeamWriter/examples/*/part*")

    assert part.read_text().split() == ["LocalRunner"]


def test_interrupted_component_leaves_nothing(tmp_path: Path) -> None:
    runner = Runner(tmp_path)

    with pytest.raises(KeyboardInterrupt):
        runner.run(Stopper())

    left = [str(path) for path in (tmp_path / "root").rglob("*") if path.is_file()]
    assert left == []
    assert list(tmp_path.glob("root/Stopper/model/*")) == []


def test_interrupted_component_does_not_seem_to_run(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    with contextlib.suppress(KeyboardInterrupt):
        runner.run(Stopper())

    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = runner.metadata
    (execution,) = MetadataStore(config).get_executions()
    assert execution.last_known_state == mlmd.Execution.CANCELED


def test_record_says_what_its_text_says(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")

    record = record_files(str(tmp_path))

    assert record_from_json(record.to_json()) == record
    assert record.damage(str(tmp_path)) == ""


def test_folder_that_cannot_be_read_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    record = record_files(str(tmp_path))
    (tmp_path / "a").unlink()
    (tmp_path / "a").symlink_to(tmp_path / "nowhere")

    assert record.damage(str(tmp_path))
