"""The folder of results: there and whole, or not there."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shardline_tests import load

from shardline.components.features.writing.output_folder import OutputExistsError
from shardline.components.folders.lock import FolderHeldError

shared = load(Path(__file__).with_name("conftest.py"))
Source, files_of, row_of = shared.Source, shared.files_of, shared.row_of

Run = Callable[..., Any]
Write = Callable[..., Path]
_TIME_LIMIT_S = 120


@pytest.mark.parametrize("is_empty", [True, False])
def test_output_that_is_there_is_not_touched(
    is_empty: bool, csv_files: Write, run_standalone: Run, tmp_path: Path
) -> None:
    output = tmp_path / "there"
    output.mkdir()
    if not is_empty:
        (output / "mine").touch()

    with pytest.raises(
        OutputExistsError, match=r"there is there already\. Remove it, or name another"
    ):
        run_standalone(Source(csv_files(train=range(3)), files_of()), output=output)

    assert os.listdir(output) == ([] if is_empty else ["mine"])
    assert sorted(os.listdir(tmp_path)) == ["data", "there"]


def test_unknown_format_is_told(
    csv_files: Write, run_standalone: Run, tmp_path: Path
) -> None:
    source = Source(csv_files(train=range(3)), files_of())

    with pytest.raises(
        ValueError, match="no format `avro`; use one of tfrecord, parquet"
    ):
        run_standalone(source, file_formats=["parquet", "avro"])

    assert os.listdir(tmp_path) == ["data"]


def test_graph_that_is_not_there_is_told(
    csv_files: Write, run_standalone: Run, tmp_path: Path
) -> None:
    source = Source(csv_files(train=range(3)), files_of())

    with pytest.raises(
        ValueError, match=r"data holds no transform graph\. Name folder `transform_g"
    ):
        run_standalone(source, graph=str(tmp_path / "data"))

    assert os.listdir(tmp_path) == ["data"]


@pytest.mark.parametrize("place", ["output", "cache"])
def test_folder_that_cannot_be_made_is_told(
    place: str, csv_files: Write, run_standalone: Run, tmp_path: Path
) -> None:
    folder = csv_files(train=range(3))

    with pytest.raises(
        ValueError, match=r"train\.csv.*: cannot be made: .*is not a directory\. Name"
    ):
        run_standalone(Source(folder, files_of()), **{place: f"{folder}/train.csv/x"})

    assert os.listdir(tmp_path) == ["data"]


def test_report_tells_what_was_read_and_found(
    csv_files: Write, run_standalone: Run
) -> None:
    done = run_standalone(Source(csv_files(train=range(20)), files_of()))

    told = done.told()
    assert told["examples"] == {"train": 20}
    assert told["left_out"] == told["reused"] == []
    assert told["facts"]["examples"] == 20
    assert told["facts"]["vocabularies"]["tag"] == {
        "size": 3,
        "distinct": 3,
        "tokens": 30,
        "covered": 30,
        "unusable": 0,
    }
    assert told["facts"] == done.report.statistics.model_dump()


def test_given_graph_gives_the_ids_of_its_first_run(
    csv_files: Write, run_standalone: Run
) -> None:
    files = files_of(splits={"train": "train*"})
    first = run_standalone(Source(csv_files(train_1=range(30)), files))
    folder = csv_files(train_2=range(30, 60))

    done = run_standalone(
        Source(folder, files), graph=str(first.output / "transform_graph")
    )

    rows = {row["age"]: row for row in _rows_by(first, done)}
    assert sorted(rows) == list(range(60))
    assert {n: rows[n] for n in range(30)} == first.by_age("train")
    assert done.report.statistics is None
    assert done.told()["facts"] is None
    assert sorted(os.listdir(done.output)) == ["examples", "report.json"]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda graph: _tag(graph).unlink(), "assets/tag is gone"),
        (lambda graph: _tag(graph).write_text("t0"), "assets/tag has 2 bytes, and had"),
        (lambda graph: (graph / "files.json").unlink(), "files.json is gone"),
    ],
)
def test_given_graph_that_is_damaged_is_refused(
    damage: Callable[[Path], Any],
    told: str,
    csv_files: Write,
    run_standalone: Run,
    tmp_path: Path,
) -> None:
    source = Source(csv_files(train=range(30)), files_of())
    graph = run_standalone(source).output / "transform_graph"
    damage(graph)

    with pytest.raises(ValueError, match=rf"transform_graph is not whole: .*{told}"):
        run_standalone(source, graph=str(graph))

    assert sorted(os.listdir(tmp_path)) == ["data", "output-0"]


def _tag(graph: Path) -> Path:
    return graph / "transform_fn" / "assets" / "tag"


def _rows_by(graph: Any, done: Any) -> list[dict[str, Any]]:
    """Returns a job's rows, read as the graph of another one says."""
    moved = done.output / "transform_graph"
    moved.symlink_to(graph.output / "transform_graph")
    rows = done.rows("train")
    moved.unlink()
    return rows


_PROGRAM = """
import sys, time
from pathlib import Path
from shardline_tests_conftest import Source, beam_runner, files_of
from shardline_tests_conftest import preprocess_standalone
from shardline.components.features.writing import transform

def never_ending(self, element):
    print("in the middle", flush=True)
    time.sleep(600)
    yield ""

transform._TransformUnit.process = never_ending
source = Source(Path(sys.argv[1]), files_of())
preprocess_standalone(
    source.examples, source.preprocessing, beam_runner("direct"), output=sys.argv[2],
    file_formats=["tfrecord"],
)
"""


@contextlib.contextmanager
def in_the_middle(data: Path, output: Path) -> Iterator[subprocess.Popen]:
    """Another process, which writes an output and does not come to its end."""
    program = data / "program.py"
    program.write_text(_PROGRAM)
    modules = data / "modules"
    modules.mkdir()
    (modules / "shardline_tests_conftest.py").symlink_to(
        Path(__file__).with_name("conftest.py")
    )
    paths = [str(modules), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    process = subprocess.Popen(
        [sys.executable, str(program), str(data), str(output)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n", process.communicate()[1]
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=_TIME_LIMIT_S)


def test_killed_job_leaves_nothing_that_looks_whole_and_the_next_removes_it(
    csv_files: Write, run_standalone: Run, tmp_path: Path
) -> None:
    folder, output = csv_files(train=range(30)), tmp_path / "killed"
    kept = tmp_path / "killed.partial-of-mine"
    kept.mkdir()

    with in_the_middle(folder, output):
        pass

    assert not output.exists()
    (partial,) = set(tmp_path.glob("killed.partial-*")) - {kept}
    assert not list(partial.glob("examples/*/part*"))
    assert not (partial / "report.json").exists()

    done = run_standalone(Source(folder, files_of()), output=output)
    assert sorted(done.by_age("train")) == list(range(30))
    assert sorted(os.listdir(tmp_path)) == ["data", "killed", kept.name]


def test_second_job_into_one_output_is_told_who_writes_it(
    csv_files: Write, run_standalone: Run, tmp_path: Path
) -> None:
    folder, output = csv_files(train=range(30)), tmp_path / "output"
    with in_the_middle(folder, output) as process:
        (partial,) = tmp_path.glob("output.partial-*")

        with pytest.raises(
            FolderHeldError,
            match=rf"^{output} is being written by process {process.pid} since .*\. "
            r"Wait for it, or name another place\.$",
        ):
            run_standalone(Source(folder, files_of()), output=output)

        assert process.poll() is None
        assert partial.is_dir()
        run_standalone(Source(folder, files_of()), output=tmp_path / "another")


def test_graph_of_another_specification_is_refused(
    csv_files: Write, run_standalone: Run
) -> None:
    files = files_of(splits={"train": "train*"})
    folder = csv_files(train_1=range(30))
    first = run_standalone(Source(folder, files))
    user = shared.FEATURES.tables["user"].model_copy(update={"oov_rows": 9})
    features = shared.FEATURES.model_copy(
        update={"tables": {**shared.FEATURES.tables, "user": user}}
    )

    with pytest.raises(ValueError, match="another specification, whose vocabularies "):
        run_standalone(
            Source(folder, files, features), graph=str(first.output / "transform_graph")
        )
