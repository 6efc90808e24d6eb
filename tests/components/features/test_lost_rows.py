"""A runner or a file system that loses something fails the job, by its own sums."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from shardline_tests import load

from shardline.components.execution.beam_runners import Beam
from shardline.components.execution.in_memory_beam import IN_MEMORY_RUNNER
from shardline.components.features.standalone import preprocess_standalone
from shardline.components.readers.files import LostRowsError

shared = load(Path(__file__).with_name("conftest.py"))
LosingPipeline = load("components/losing.py").LosingPipeline
files_of, Source = shared.files_of, shared.Source

FIRST = "train-1.csv"


def job(source: Any, output: Path, pipeline: Callable[[], beam.Pipeline]) -> Any:
    return preprocess_standalone(
        source.examples,
        source.preprocessing,
        Beam(pipeline),
        output=str(output),
        file_formats=["tfrecord"],
    )


def is_of_table(element: Any) -> bool:
    """Tells whether what a unit sends on are counts of a table."""
    (_, table, _), _ = element
    return bool(table)


def is_of(element: Any) -> bool:
    return FIRST in str(element)


LOSSES = [
    pytest.param("Count", lambda e: not is_of_table(e), r"Table `user`: 10 values were "
                 r"given to count, and .* sum up to 0", id="all counts"),
    pytest.param("Count", is_of_table, "No unit of work told", id="all summaries"),
    pytest.param("BySpanTableShard", lambda e: e[0][2] % 2 == 0, r"Table `\w+`: \d+ va",
                 id="some shards"),
    pytest.param("WriteCounts", lambda _: False, r"sum up to 0", id="files of counts"),
    pytest.param("ByTable", lambda e: e[0] != "tag", r"Table `tag`: no worker wrote",
                 id="a vocabulary"),
    pytest.param("TransformUnit", lambda _: False, "no worker told", id="all reports"),
    pytest.param("TransformUnit", lambda e: '"number": 0' not in e,
                 r"1 of 2 units of work are lost .*told 0 times", id="a report"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "keeps", "message"), LOSSES)
def test_job_fails_if_a_step_loses_what_it_gave(
    step: str,
    keeps: Callable[[Any], bool],
    message: str,
    csv_files: Callable[..., Path],
    tmp_path: Path,
) -> None:
    made: list[Any] = []

    def pipeline() -> beam.Pipeline:
        made.append(LosingPipeline(step, keeps))
        return made[-1]

    source = Source(csv_files(train_1=range(6), train_2=range(6, 10)), files_of())
    with pytest.raises(LostRowsError, match=message):
        job(source, tmp_path / "out", pipeline)
    assert any(one.has_lost for one in made)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("is_whole", [True, False])
def test_job_fails_if_units_of_work_are_not_done(
    is_whole: bool, csv_files: Callable[..., Path], tmp_path: Path
) -> None:
    source = Source(csv_files(train_1=range(6), train_2=range(6, 10)), files_of())

    def pipeline() -> beam.Pipeline:
        return LosingPipeline("Units", lambda e: is_whole and not is_of(e))

    with pytest.raises(LostRowsError, match=r"units? of work"):
        job(source, tmp_path / "out", pipeline)
    assert not (tmp_path / "out").exists()


class _FileLost(beam.Pipeline):
    """Loses an output file once all is done."""

    def __init__(self, folder: Path):
        super().__init__(runner=IN_MEMORY_RUNNER)
        self._folder = folder

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        for file in self._folder.glob("out.partial-*/examples/train/part-00001*"):
            file.unlink()


def test_job_fails_if_an_output_is_lost(
    csv_files: Callable[..., Path], tmp_path: Path
) -> None:
    source = Source(csv_files(train_1=range(6), train_2=range(6, 10)), files_of())
    with pytest.raises(LostRowsError, match="part-00001: this output is lost"):
        job(source, tmp_path / "out", lambda: _FileLost(tmp_path))


def test_sums_of_a_job_are_in_its_report(
    csv_files: Callable[..., Path], run_standalone: Callable[..., Any], tmp_path: Path
) -> None:
    folder = csv_files(train_1=range(6), train_2=range(6, 10))
    (folder / "train-3.csv").write_text(
        "label,user,tags,x,age,day\n1,u1,t0,1.0,3,0\n1,u1,t0,none,4,0\n"
    )
    files = files_of(
        splits={"train": "train-{SPAN}.csv"}, on_bad_example="skip", max_bad_share=0.1
    )
    cache = str(tmp_path / "cache")
    first = run_standalone(Source(folder, files), cache=cache).told()["sums"]
    again = run_standalone(Source(folder, files), cache=cache).told()["sums"]
    sums = {Path(file).name: told for file, told in first["files"].items()}
    assert sums == {
        "train-1.csv": {
            "rows": 6, "left_out": 0, "read": {"train": 6}, "written": {"train": 6}
        },
        "train-2.csv": {
            "rows": 4, "left_out": 0, "read": {"train": 4}, "written": {"train": 4}
        },
        "train-3.csv": {
            "rows": 2, "left_out": 1, "read": {"train": 1}, "written": {"train": 1}
        },
    }  # fmt: skip
    assert first["analysed"] == 11
    # Tags of a row are its number modulo 4; the row of the third file has one.
    assert first["values"] == {"user": 11, "tag": sum(n % 4 for n in range(10)) + 1}
    assert again == first


def test_share_left_out_counts_those_of_kept_spans(
    csv_files: Callable[..., Path], run_standalone: Callable[..., Any], tmp_path: Path
) -> None:
    folder = csv_files(train_1=range(8))
    with (folder / "train-1.csv").open("a") as file:
        file.write(2 * "1,u1,t0,none,4,0\n")
    cache = str(tmp_path / "cache")
    files = {"splits": {"train": "train-{SPAN}.csv"}, "on_bad_example": "skip"}
    run_standalone(Source(folder, files_of(**files, max_bad_share=0.2)), cache=cache)
    with pytest.raises(ValueError, match=r"2 of the 10 examples of split 'train'"):
        run_standalone(Source(folder, files_of(**files)), cache=cache)
