"""Files of rows become files of scores, as many; or nothing is there."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from shardline_tests import load

from shardline.components.execution.beam_runners import Beam, beam_runner
from shardline.components.features.writing.output_folder import OutputExistsError
from shardline.components.readers.files import BadInputError, LostRowsError
from shardline.components.scorer import job as module
from shardline.components.scorer.inputs import examples_to_score
from shardline.components.scorer.job import ScoreReport, score_files
from shardline.components.scorer.kept_columns import kept_columns

shared = load(Path(__file__).with_name("conftest.py"))
LosingPipeline = load("components/losing.py").LosingPipeline
processes = load("components/execution/beam_engines/processes.py")
ROWS, job_of, read_scores, write_rows = (
    shared.ROWS,
    shared.job_of,
    shared.read_scores,
    shared.write_rows,
)
KEEP = ["request", "item", "shop", "day"]
Score = Callable[..., ScoreReport]
_TIME_LIMIT_S = 120


@pytest.fixture
def score(served: Any, tmp_path: Path) -> Score:
    """Scores `rows/*`, of two files unless others are given, into `output`."""

    def run(
        *contents: list[Any],
        file_format: str = "csv",
        keep: list[str] = KEEP,
        runner: Beam | None = None,
        written: str = "parquet",
        **files: Any,
    ) -> ScoreReport:
        (tmp_path / "rows").mkdir(exist_ok=True)
        for number, rows in enumerate(contents or (ROWS[:170], ROWS[170:])):
            path = tmp_path / "rows" / f"{number}.{file_format}"
            write_rows(path, rows, file_format)
        _, job = job_of(tmp_path, file_format, **files)
        kept = kept_columns(job, keep)
        examples = examples_to_score(job, [str(tmp_path / "rows" / "*")], kept)
        return score_files(
            examples,
            job.feature_set,
            served.version,
            runner or beam_runner("direct"),
            output=str(tmp_path / "output"),
            kept=kept,
            file_format=written,
        )

    return run


@pytest.mark.parametrize("file_format", ["csv", "parquet", "tfrecord"])
def test_each_row_has_its_score(
    file_format: str, score: Score, served: Any, tmp_path: Path
) -> None:
    rows = [{k: v for k, v in row.items() if k != "label"} for row in ROWS]

    report = score(rows[:170], rows[170:], file_format=file_format)

    found = read_scores(tmp_path / "output")
    expected = pd.DataFrame(ROWS)[KEEP]
    assert list(found.columns) == [*KEEP, "score"]
    # Only Parquet has a type for all rows, and no feature reads this column.
    kind = int if file_format == "parquet" else str
    assert found["request"].tolist() == expected["request"].map(kind).tolist()
    for name in ("item", "shop"):
        assert found[name].isna().tolist() == expected[name].isna().tolist()
        assert found[name].dropna().tolist() == expected[name].dropna().tolist()
    pd.testing.assert_series_equal(
        found["day"].astype("Float64"), expected["day"].astype("Float64")
    )
    np.testing.assert_array_equal(found["score"], served.expected(ROWS))
    assert report.rows == 300
    assert report.not_finite == 0
    assert json.loads((tmp_path / "output" / "report.json").read_text())["rows"] == 300
    assert sorted(os.listdir(tmp_path / "output")) == ["report.json", "scores"]


def test_kept_column_of_tf_examples_has_one_type_whatever_a_batch_holds(
    score: Score, tmp_path: Path
) -> None:
    first = [row | {"late": None} for row in ROWS] * 14  # more than a batch
    rows = [*first, *(row | {"late": 17} for row in ROWS)]

    score(rows, file_format="tfrecord", keep=["late"])

    found = read_scores(tmp_path / "output")["late"]
    assert found.isna().sum() == len(first)
    assert set(found.dropna()) == {"17"}


def test_tf_examples_hold_what_parquet_does(
    score: Score, served: Any, tmp_path: Path
) -> None:
    score(file_format="parquet", written="tfrecord")

    files = sorted(map(str, (tmp_path / "output" / "scores").iterdir()))
    spec = {
        "request": tf.io.FixedLenFeature([], tf.int64),
        "item": tf.io.FixedLenFeature([], tf.string),
        "shop": tf.io.FixedLenFeature([], tf.string, "missing"),
        "day": tf.io.FixedLenFeature([], tf.int64, 99),
        "score": tf.io.FixedLenFeature([], tf.float32),
    }
    raw = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    found = tf.io.parse_example(raw, spec)
    assert found["request"].numpy().tolist() == [row["request"] for row in ROWS]
    shops = [(row["shop"] or "missing").encode() for row in ROWS]
    assert found["shop"].numpy().tolist() == shops
    days = [99 if row["day"] is None else row["day"] for row in ROWS]
    assert found["day"].numpy().tolist() == days
    np.testing.assert_array_equal(found["score"], served.expected(ROWS))


def test_kept_column_of_parquet_keeps_its_type(score: Score, tmp_path: Path) -> None:
    times = pd.date_range("2026-01-01", periods=len(ROWS), freq="h", tz="UTC")
    rows = [row | {"at": at} for row, at in zip(ROWS, times, strict=True)]
    rows[5]["at"] = None

    score(rows, file_format="parquet", keep=["at"])

    found = read_scores(tmp_path / "output")["at"]
    assert found.isna().sum() == 1
    assert found.drop(5).tolist() == times.delete(5).tolist()


def test_worker_processes_give_the_same(
    score: Score, served: Any, tmp_path: Path
) -> None:
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]

    score(runner=beam_runner("direct", options))

    found = read_scores(tmp_path / "output")["score"]
    np.testing.assert_array_equal(found, served.expected(ROWS))


@pytest.mark.slow
@pytest.mark.orchestration
def test_workers_of_dask_give_the_same(
    score: Score, served: Any, tmp_path: Path, tmp_path_factory: Any
) -> None:
    with (
        processes.dask_scheduler(tmp_path_factory.mktemp("dask")) as scheduler,
        scheduler.worker("first"),
        scheduler.worker("second"),
    ):
        address = f"--dask_client_address={scheduler.address}"
        report = score(runner=beam_runner("dask", [address]))

    found = read_scores(tmp_path / "output")["score"]
    np.testing.assert_array_equal(found, served.expected(ROWS))
    assert report.rows == 300


def test_bad_rows_are_left_out_and_told(
    score: Score, served: Any, tmp_path: Path
) -> None:
    rows = [row | {"size": "large"} if n == 4 else row for n, row in enumerate(ROWS)]

    report = score(rows, on_bad_example="skip")

    assert report.rows == 299
    assert "1 example left out: column `size` does not hold" in report.left_out[0]
    (sums,) = report.files.values()
    assert (sums.rows, sums.left_out) == (300, 1)
    found = read_scores(tmp_path / "output")["score"]
    np.testing.assert_array_equal(found, np.delete(served.expected(ROWS), 4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": "large"}, r"0\.csv, line 6: column `size` does not hold"),
        ({"hour": 24}, r"rows/0\.csv: .*hour.*24"),
    ],
)
def test_what_cannot_be_scored_ends_the_job(
    change: dict[str, Any], message: str, score: Score, tmp_path: Path
) -> None:
    rows = [row | change if n == 4 else row for n, row in enumerate(ROWS)]

    with pytest.raises(BadInputError, match=message):
        score(rows)

    assert sorted(os.listdir(tmp_path)) == ["rows", "scored.yaml"]


def test_column_that_no_tf_example_has_is_told(score: Score) -> None:
    with pytest.raises(BadInputError, match="Column `other` is in none of the 300"):
        score(ROWS, file_format="tfrecord", keep=["other"])


def test_several_values_are_not_kept(score: Score) -> None:
    rows = [row | {"two": [1.5, 2.5]} for row in ROWS]

    with pytest.raises(BadInputError, match="`two` holds several values where one is"):
        score(rows, file_format="parquet", keep=["two"])


def test_file_without_rows_is_told(score: Score, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "9.csv").write_text(",".join(ROWS[0]))

    report = score()

    assert report.rows == 300
    assert "9.csv" in " ".join(report.left_out)


@pytest.mark.parametrize(
    ("keeps", "message"),
    [
        (lambda _: False, "no worker told"),
        (lambda e: '"number": 0' not in e, "1 of 2 units of work are lost"),
    ],
)
def test_lost_reports_end_the_job(
    keeps: Callable[[Any], bool], message: str, score: Score, tmp_path: Path
) -> None:
    made: list[Any] = []

    def pipeline() -> beam.Pipeline:
        made.append(LosingPipeline("ScoreUnit", keeps))
        return made[-1]

    with pytest.raises(LostRowsError, match=message):
        score(runner=Beam(pipeline))

    assert made[0].has_lost
    assert sorted(os.listdir(tmp_path)) == ["rows", "scored.yaml"]


def test_files_that_change_meanwhile_end_the_job(
    score: Score, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = module._scored

    def changed(*arguments: Any) -> Any:
        done = scored(*arguments)
        with (tmp_path / "rows" / "0.csv").open("a") as file:
            file.write("\n")
        return done

    monkeypatch.setattr(module, "_scored", changed)
    with pytest.raises(LostRowsError, match="have changed while they were read"):
        score()

    assert sorted(os.listdir(tmp_path)) == ["rows", "scored.yaml"]


def test_output_that_is_there_is_not_touched(score: Score, tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()

    with pytest.raises(OutputExistsError, match="output is there already"):
        score()

    assert os.listdir(tmp_path / "output") == []


def test_unknown_format_is_told(score: Score) -> None:
    with pytest.raises(ValueError, match="no format `csv`; use one of parquet, tfrec"):
        score(written="csv")


_PROGRAM = """
import sys, time
from shardline.components.scorer import scoring

finished = scoring._ScoreUnit.process

def never_ending(self, element):
    yield from finished(self, element)
    print("in the middle", flush=True)
    time.sleep(600)

scoring._ScoreUnit.process = never_ending
from shardline.pipeline.commands.entry import main
main()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killed_job_leaves_nothing_that_looks_complete(
    how: signal.Signals, score: Score, served: Any, tmp_path: Path
) -> None:
    score()
    before = pq.read_table(tmp_path / "output" / "scores").to_pandas()
    (tmp_path / "output").rename(tmp_path / "first")
    arguments = [
        *("score", tmp_path / "scored.yaml", tmp_path / "rows" / "*"),
        *("--output", tmp_path / "output", "--model", served.folder),
        *(word for column in KEEP for word in ("--keep", column)),
    ]
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert any("in the middle" in line for line in process.stdout)

    process.send_signal(how)
    process.wait(_TIME_LIMIT_S)

    assert process.returncode != 0
    left = sorted(os.listdir(tmp_path))
    assert "output" not in left
    partial = [name for name in left if name.startswith("output.partial-")]
    assert bool(partial) == (how == signal.SIGKILL)
    score()
    after = pq.read_table(tmp_path / "output" / "scores").to_pandas()
    pd.testing.assert_frame_equal(before, after)
    assert not [n for n in os.listdir(tmp_path) if n.startswith("output.partial-")]
